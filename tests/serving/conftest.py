from helpers.registry_fixture import empty_database

__all__ = ["empty_database"]
