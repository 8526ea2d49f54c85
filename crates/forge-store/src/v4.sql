-- `tasks` is the name of the view that other programs read.
ALTER TABLE tasks RENAME TO task_log;
