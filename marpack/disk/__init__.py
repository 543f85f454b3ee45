"""Put files and folders on the disk, whole or not at all; and threads, for what is done with their bytes."""
