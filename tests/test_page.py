from avemo.page import format_bytes


def test_sizes() -> None:
    assert [format_bytes(size) for size in (0, 208_468_073, 24.8e9)] == [
        "0.0 MB",
        "208.5 MB",
        "24.8 GB",
    ]
