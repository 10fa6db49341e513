"""The block tree and its other shapes. Pure: no Django, no database, no sockets."""
