"""Tables in a pipe keep their headers and cells."""

import subprocess
import sys


def test_a_table_in_a_pipe_is_as_wide_as_its_cells() -> None:
    code = (
        "from rich.table import Table\nfrom sql_llama.cli.console import output_console\n"
        "table = Table('model', 'execution accuracy', '95 % interval')\n"
        "table.add_row('runs/' + 'x' * 90, '81.2%', '70.1%-90.3%')\n"
        "output_console().print(table)\n"
    )
    lines = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.splitlines()
    assert "execution accuracy" in lines[1] and "95 % interval" in lines[1]
    assert "x" * 90 in lines[3] and "70.1%-90.3%" in lines[3]
    assert all(line == line.rstrip() for line in lines)
