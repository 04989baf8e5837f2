/* @name groupForCommit */
-- What a commit is judged by. `earlier`: a commit of this device under the same client id.
select conversation_standing(s.id, :conversationId!) as "standing!", c.epoch as "epoch?",
  exists (select from conversation_log l where l.conversation_id = c.id and l.sender_device_id = s.device_id
    and l.client_id = :clientId!) as "earlier!",
  k.key as "deviceKey?",
  (select string_agg(g.device_id || ' ' || g.leaf_index, ',') from group_members g where g.conversation_id = c.id) as "leaves?"
from sessions s
left join conversations c on c.id = :conversationId!
left join device_keys k on k.device_id = s.device_id
where s.id = :sessionId!;

/* @name appendCommit */
select state as "state!", seq as "seq?", epoch as "epoch?", sent_at as "sentAt?", recipients as "recipients?"
from append_commit(:sessionId!, :conversationId!, :clientId!, :digest!, :base!, :next!, :fresh!, :commit!,
  :adds!::text::uuid[], :addLeaves!::text::integer[], :addRefs!::text::bytea[], :removes!::text::uuid[], :welcome);
