from helpers.registry_fixture import empty_database, registry

__all__ = ["empty_database", "registry"]
