from serving import server

__all__ = ["server"]
