/** Types generated for queries found in "sql/queries/search.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'SearchMessages' parameters type */
export interface ISearchMessagesParams {
  befores: string;
  conversationIds: string;
  froms: string;
  keyCounts: string;
  keyTags: string;
  keyVersions: string;
  most: number;
  senders: string;
  sessionId: string;
  untils: string;
}

/** 'SearchMessages' return type */
export interface ISearchMessagesResult {
  n: number;
  sentAt: Date | null;
  seq: number;
  state: string;
}

/** 'SearchMessages' query type */
export interface ISearchMessagesQuery {
  params: ISearchMessagesParams;
  result: ISearchMessagesResult;
}

const searchMessagesIR: any = {"usedParamSet":{"sessionId":true,"conversationIds":true,"senders":true,"froms":true,"untils":true,"befores":true,"keyCounts":true,"keyVersions":true,"keyTags":true,"most":true},"params":[{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":98,"b":108}]},{"name":"conversationIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":111,"b":127}]},{"name":"senders","required":true,"transform":{"type":"scalar"},"locs":[{"a":144,"b":152}]},{"name":"froms","required":true,"transform":{"type":"scalar"},"locs":[{"a":169,"b":175}]},{"name":"untils","required":true,"transform":{"type":"scalar"},"locs":[{"a":196,"b":203}]},{"name":"befores","required":true,"transform":{"type":"scalar"},"locs":[{"a":222,"b":230}]},{"name":"keyCounts","required":true,"transform":{"type":"scalar"},"locs":[{"a":249,"b":259}]},{"name":"keyVersions","required":true,"transform":{"type":"scalar"},"locs":[{"a":281,"b":293}]},{"name":"keyTags","required":true,"transform":{"type":"scalar"},"locs":[{"a":313,"b":321}]},{"name":"most","required":true,"transform":{"type":"scalar"},"locs":[{"a":338,"b":343}]}],"statement":"select n as \"n!\", state as \"state!\", seq as \"seq!\", sent_at as \"sent_at?\" from search_messages(\n  :sessionId!, :conversationIds!::text::uuid[], :senders!::text::uuid[], :froms!::text::bigint[],\n  :untils!::text::bigint[], :befores!::text::bigint[], :keyCounts!::text::integer[],\n  :keyVersions!::text::integer[], :keyTags!::text::text[], :most!)"};

/**
 * Query generated from SQL:
 * ```
 * select n as "n!", state as "state!", seq as "seq!", sent_at as "sent_at?" from search_messages(
 *   :sessionId!, :conversationIds!::text::uuid[], :senders!::text::uuid[], :froms!::text::bigint[],
 *   :untils!::text::bigint[], :befores!::text::bigint[], :keyCounts!::text::integer[],
 *   :keyVersions!::text::integer[], :keyTags!::text::text[], :most!)
 * ```
 */
export const searchMessages = new PreparedQuery<ISearchMessagesParams,ISearchMessagesResult>(searchMessagesIR);


/** 'FileSearchTags' parameters type */
export type IFileSearchTagsParams = void;

/** 'FileSearchTags' return type */
export interface IFileSearchTagsResult {
  pages: number;
}

/** 'FileSearchTags' query type */
export interface IFileSearchTagsQuery {
  params: IFileSearchTagsParams;
  result: IFileSearchTagsResult;
}

const fileSearchTagsIR: any = {"usedParamSet":{},"params":[],"statement":"-- The pages of the list of pending tags that were emptied.\nselect gin_clean_pending_list('message_search_tags') as \"pages!\""};

/**
 * Query generated from SQL:
 * ```
 * -- The pages of the list of pending tags that were emptied.
 * select gin_clean_pending_list('message_search_tags') as "pages!"
 * ```
 */
export const fileSearchTags = new PreparedQuery<IFileSearchTagsParams,IFileSearchTagsResult>(fileSearchTagsIR);


