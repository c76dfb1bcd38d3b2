"""The prompts that a file is asked are many and different."""

from sql_llama.export.certificate.probes import probes


def test_there_are_fifty_different_prompts() -> None:
    assert len(set(probes())) == len(probes()) == 50
