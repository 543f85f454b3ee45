"""Put files and folders on the disk, whole or not at all."""
