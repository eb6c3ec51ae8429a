"""What every answer that leaves avemo says of itself."""

__all__ = ["NOTICE"]

NOTICE = (
    "This is what a model finds in acted expressions of emotion; it is no diagnosis, and it does "
    "not say what somebody feels. Not for use at work, in education or in hiring (EU AI Act, "
    "Article 5(1)(f)). People who are exposed to it must be told (Article 50(3))."
)
