"""What the commands of `thurn` say: many of them in one interpreter, whose start costs the most.

Standard input is a JSON list of lists of words, standard output a list of [exit code, output].
"""

from __future__ import annotations

import json
import sys

from click.testing import CliRunner
from thurn.cli.main import main


def answers(commands):
    for words in commands:
        done = CliRunner().invoke(main, words)
        yield done.exit_code, done.output


if __name__ == "__main__":
    print(json.dumps(list(answers(json.load(sys.stdin)))))  # noqa: T201 - that is its answer
