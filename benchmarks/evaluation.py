"""Evaluation on this machine: how fast a model is asked, and how fast its answers are scored.

    python benchmarks/evaluation.py --questions dev.json --databases DIR [--model FILE.gguf] [--official DIR] [--json]

`--model`: the same questions through llama-cpp-python's own chat call, one after the other, with as many threads as
there are cores ("plain"), and through ours; the same prompts, greedy. Of the questions every n-th is asked, `--count`
in all. Prints questions a second, how many answers are the same text, and the ratio of the medians.

`--official` names a checkout of taoyds/test-suite-sql-eval, which is run as it is; `--official-python` a Python that
has its packages (nltk, sqlparse, tqdm). Both score the same predictions (golds, six in ten of them changed in one
place) on the same databases: each database alone, and with eight fuzzed copies of it. Each run is a process from
start to end. Prints seconds and the ratios of the medians (the official one's over ours).
"""

import argparse
import contextlib
import json
import os
import platform
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CHANGED = 0.6
LONGEST = 256  # tokens of an answer


def speed_against_plain_loop(
    model: Path, questions: Path, databases: Path, count: int = 40, rounds: int = 1
) -> dict[str, Any]:
    """Measure questions per second of both, in processes of their own, in turn; and how many answers are the same."""
    import statistics

    rates: dict[str, list[float]] = {"plain": [], "ours": []}
    texts: dict[str, list[str]] = {}
    for _ in range(rounds):
        for who in rates:
            command = [sys.executable, str(Path(__file__)), "--only", who, "--model", str(model)]
            command += ["--questions", str(questions), "--databases", str(databases), "--count", str(count)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            result = json.loads(done.stdout.splitlines()[-1])
            rates[who].append(result["rate"])
            texts[who] = result["answers"]
            print(f"{who}: {len(result['answers'])} questions, {result['rate']:.2f} questions/s", flush=True)
    same = sum(first == second for first, second in zip(texts["plain"], texts["ours"], strict=True))
    plain, ours = (statistics.median(rates[who]) for who in ("plain", "ours"))
    print(f"ours is {ours / plain:.2f} times the plain loop; {same} of {len(texts['ours'])} answers are the same")
    return {
        "speed_against_plain_loop": round(ours / plain, 2),
        "plain_questions_a_second": plain,
        "our_questions_a_second": ours,
        "same_answers": round(same / len(texts["ours"]), 4),
    }


def asking(who: str, model: Path, questions: Path, databases: Path, count: int) -> None:
    """Ask the questions in this process; the last line printed is rate and answers as JSON."""
    from sql_llama.assistant.prepare import prepare
    from sql_llama.engines.llamacpp import cores, load_llamacpp
    from sql_llama.evals.questions.questions import questions as read_questions
    from sql_llama.prompts.hints import find_hints
    from sql_llama.prompts.messages import messages

    items = read_questions(questions, databases).items
    items = items[:: max(1, len(items) // count)][:count]
    databases_read = [prepare(str(item.database)) for item in items]
    chats = [
        messages(read.schema, item.question, hints=find_hints(item.question, read.cells))
        for item, read in zip(items, databases_read, strict=True)
    ]
    started = time.monotonic()
    if who == "ours":
        engine = load_llamacpp(model)
        answers = [answer.text for answer in engine.answer_many(chats, max_tokens=LONGEST)]
    else:
        from llama_cpp import Llama

        plain = Llama(str(model), n_ctx=4096, n_threads=cores(), n_threads_batch=cores(), verbose=False)
        answers = []
        for chat in chats:
            turns = [{"role": message.role, "content": message.content} for message in chat]
            done = plain.create_chat_completion(turns, temperature=0, max_tokens=LONGEST)
            answers.append(done["choices"][0]["message"]["content"])
    print(json.dumps({"rate": round(len(answers) / (time.monotonic() - started), 4), "answers": answers}))


def scoring_against_official(
    official: Path, python: str, questions: Path, databases: Path, rounds: int = 3
) -> dict[str, float]:
    """Measure the seconds of both on single databases and on suites, whole processes in turn, and the ratios."""
    import statistics
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = _work(folder, questions, databases)
        seen: dict[str, list[float]] = {}
        for _ in range(rounds):
            for kind in ("single", "suite"):
                theirs = [python, "evaluation.py", "--etype", "exec", "--db", str(folder / kind)]
                theirs += ["--gold", str(folder / "gold.txt"), "--pred", str(folder / "predicted.txt")]
                ours = [sys.executable, str(Path(__file__)), "--only", "scoring", "--work", str(folder), "--kind", kind]
                for who, command, where in (("official", theirs, official), ("ours", ours, Path.cwd())):
                    seconds, last_line = _timed(command, where, folder)
                    seen.setdefault(f"{kind}_{who}_seconds", []).append(seconds)
                    print(f"{kind} {who}: {work} questions, {seconds:.2f} s, {last_line}")
    medians = {name: round(statistics.median(times), 3) for name, times in seen.items()}
    return {
        "scoring_against_official": round(medians["suite_official_seconds"] / medians["suite_ours_seconds"], 2),
        "scoring_against_official_single": round(
            medians["single_official_seconds"] / medians["single_ours_seconds"], 2
        ),
        **medians,
    }


def _work(folder: Path, questions: Path, databases: Path) -> int:
    """Write golds, predictions and both folders of databases; the number of questions."""
    import shutil

    from sql_llama.databases.introspect import introspect
    from sql_llama.evals.fuzz.fuzz import variants
    from sql_llama.evals.fuzz.neighbours import neighbours
    from sql_llama.sql.names import columns_of

    rows = json.loads(questions.read_text(encoding="utf-8"))
    golds: dict[str, list[str]] = {}
    for row in rows:
        golds.setdefault(row["db_id"], []).append(row["query"])
    columns = {}
    for name, queries in golds.items():
        path = databases / name / f"{name}.sqlite"
        columns[name] = columns_of(introspect(str(path)))
        for kind, files in (("single", ()), ("suite", variants(path, queries))):
            (folder / kind / name).mkdir(parents=True)
            for file in (path, *files):
                shutil.copy(file, folder / kind / name / file.name)
    rng = random.Random(1)
    gold_lines, predicted_lines = [], []
    for row in rows:
        near = neighbours(row["query"], columns[row["db_id"]])
        predicted = rng.choice(near) if near and rng.random() < CHANGED else row["query"]
        gold_lines.append(f"{' '.join(row['query'].split())}\t{row['db_id']}\n")
        predicted_lines.append(f"{' '.join(predicted.split())}\n")
    (folder / "gold.txt").write_text("".join(gold_lines), encoding="utf-8")
    (folder / "predicted.txt").write_text("".join(predicted_lines), encoding="utf-8")
    return len(rows)


def _timed(command: list[str], where: Path, folder: Path) -> tuple[float, str]:
    """Wall seconds of a process and the last line that it prints."""
    started = time.perf_counter()
    run = subprocess.run(
        command, cwd=where, env=_environment(folder), capture_output=True, text=True, errors="replace", check=False
    )
    seconds = time.perf_counter() - started
    if run.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{run.stderr[-2000:]}")
    return seconds, " ".join(run.stdout.strip().splitlines()[-1].split())


def _environment(folder: Path) -> dict[str, str]:
    """With the parameters of an untrained sentence splitter for nltk, where its data is not installed."""
    place = folder / "nltk" / "tokenizers" / "punkt_tab" / "english"
    place.mkdir(parents=True, exist_ok=True)
    for name in ("abbrev_types.txt", "collocations.tab", "sent_starters.txt", "ortho_context.tab"):
        (place / name).touch()
    known = os.environ.get("NLTK_DATA", "")
    return {**os.environ, "NLTK_DATA": os.pathsep.join(filter(None, (known, str(folder / "nltk"))))}


def scoring(folder: Path, kind: str) -> None:
    """Score the predictions in `folder` with our judges, and print the share that is right."""
    from sql_llama.evals.judge.judge import judged
    from sql_llama.evals.judge.verdict import Task

    tasks = []
    files: dict[str, tuple[Path, ...]] = {}
    golds = (folder / "gold.txt").read_text(encoding="utf-8").splitlines()
    for line, predicted in zip(golds, (folder / "predicted.txt").read_text(encoding="utf-8").splitlines(), strict=True):
        gold, name = line.split("\t")
        database = folder / kind / name / f"{name}.sqlite"
        if name not in files:
            files[name] = tuple(sorted(path for path in database.parent.glob("*.sqlite") if path != database))
        tasks.append(Task(database, gold, predicted, files[name]))
    with contextlib.closing(judged(tasks)) as verdicts:
        right = [verdict.lenient if verdict.suite is None else verdict.suite for verdict in verdicts]
    print(f"execution {sum(right) / len(right):.3f}")


def main() -> None:
    """Run the benchmark from the command line and print its results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--questions", type=Path, help="Spider's dev.json, or a part of it")
    parser.add_argument("--databases", type=Path, help="folder of <db_id>/<db_id>.sqlite")
    parser.add_argument("--official", type=Path, help="a checkout of the official evaluator; without it no such ratio")
    parser.add_argument("--official-python", default=sys.executable, help="a Python with nltk, sqlparse and tqdm")
    parser.add_argument("--model", type=Path, help="a GGUF file to ask; without it that ratio is skipped")
    parser.add_argument("--count", type=int, default=40, help="questions asked")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--only", choices=("scoring", "plain", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--kind", choices=("single", "suite"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only == "scoring":
        scoring(arguments.work, arguments.kind)
        return
    if arguments.only:
        asking(arguments.only, arguments.model, arguments.questions, arguments.databases, arguments.count)
        return
    if not (arguments.questions and arguments.databases):
        parser.error("--questions and --databases are needed")
    ratios: dict[str, Any] = {}
    if arguments.model:
        where = arguments.model, arguments.questions, arguments.databases
        ratios.update(speed_against_plain_loop(*where, arguments.count, arguments.rounds))
    if arguments.official:
        measured = scoring_against_official(
            arguments.official.resolve(),
            arguments.official_python,
            arguments.questions,
            arguments.databases,
            arguments.rounds,
        )
        ratios.update(measured)
        print(
            f"scoring: {measured['scoring_against_official']} times the official evaluator on suites,"
            f" {measured['scoring_against_official_single']} times on single databases"
        )
    if arguments.json:
        machine = {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
        }
        print(json.dumps({"benchmark": "evaluation", "ratios": ratios, "machine": machine}))


if __name__ == "__main__":
    main()
