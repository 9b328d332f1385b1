SELECT partitions, format FROM meta
