"""OCI's documents and layouts: what an image consists of, whoever writes, sends or signs it."""
