"""What the answers are for, and what they are not for."""

__all__ = ["FORBIDDEN_USES", "INTENDED_USES"]

INTENDED_USES = (
    "research on acted speech and song",
    "finding stretches of a recording for a person to look at, who then decides",
)
FORBIDDEN_USES = (
    "at work, in education or in hiring (EU AI Act, Article 5(1)(f))",
    "diagnosis, or any claim about what a person feels",
    "decisions about people",
    "with people who were not told of it (EU AI Act, Article 50(3))",
)
