/* @name searchMessages */
select n as "n!", state as "state!", seq as "seq!", sent_at as "sent_at?" from search_messages(
  :sessionId!, :conversationIds!::text::uuid[], :senders!::text::uuid[], :froms!::text::bigint[],
  :untils!::text::bigint[], :befores!::text::bigint[], :keyCounts!::text::integer[],
  :keyVersions!::text::integer[], :keyTags!::text::text[], :most!);

/* @name fileSearchTags */
-- The pages of the list of pending tags that were emptied.
select gin_clean_pending_list('message_search_tags') as "pages!";
