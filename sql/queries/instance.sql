/* @name logId */
select refresh_log_id() as "logId!";
