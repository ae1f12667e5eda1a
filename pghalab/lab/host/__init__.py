"""The machine that pghalab runs on: folders, files, locks, disk space and how to install an engine."""
