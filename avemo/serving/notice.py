"""What everybody who gets an answer must be told: the page, the model's description, exports."""

__all__ = ["NOTICE"]

NOTICE = (
    "This recognises acted expressions, by a few labels; it is no diagnosis, and it does not say "
    "what somebody feels. Not for use at work, in education or in hiring (EU AI Act, "
    "Article 5(1)(f)). People who are exposed to it must be told (Article 50(3))."
)
