"""What is wrong with a citizen's answers to the questions of a service, in the words of GeoReport."""

from __future__ import annotations

from console.rules.answers import SortedAnswers


def faults_of(answers: SortedAnswers) -> list[str]:
    """Everything that is missing or cannot be."""
    return [*(f"attribute[{one.code}] was not provided." for one in answers.missing), *answers.wrong.values()]
