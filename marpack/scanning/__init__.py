"""Many archives: found in folders and stores, looked at by any executor, and told one by one."""
