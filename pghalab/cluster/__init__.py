"""What is seen: etcd, Patroni and PostgreSQL as frozen snapshots and events."""
