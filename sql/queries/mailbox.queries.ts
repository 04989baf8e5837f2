/** Types generated for queries found in "sql/queries/mailbox.sql" */
import { PreparedQuery } from '../adapter.ts';

/** 'Waiting' parameters type */
export interface IWaitingParams {
  deviceIds: string;
  enough: number;
}

/** 'Waiting' return type */
export interface IWaitingResult {
  links: boolean;
  n: number;
  oneTime: number;
  registered: boolean;
  welcomes: boolean;
}

/** 'Waiting' query type */
export interface IWaitingQuery {
  params: IWaitingParams;
  result: IWaitingResult;
}

const waitingIR: any = {"usedParamSet":{"enough":true,"deviceIds":true},"params":[{"name":"enough","required":true,"transform":{"type":"scalar"},"locs":[{"a":247,"b":254}]},{"name":"deviceIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":608,"b":618}]}],"statement":"-- What devices should look at besides the logs; package counts stop at `enough`.\nselect a.n as \"n!\",\n  (select count(*) from (\n    select from key_packages k where k.device_id = a.device_id and not k.last_resort and k.not_after > now()\n    limit :enough!::integer) counted) as \"oneTime!\",\n  exists (select from device_keys k where k.device_id = a.device_id) as \"registered!\",\n  exists (select from device_mailbox m where m.device_id = a.device_id) as \"welcomes!\",\n  exists (select from link_offers o where o.device_id = a.device_id and o.sealed is not null and o.expires_at > now()) as \"links!\"\nfrom unnest(:deviceIds!::text::uuid[]) with ordinality as a (device_id, n)"};

/**
 * Query generated from SQL:
 * ```
 * -- What devices should look at besides the logs; package counts stop at `enough`.
 * select a.n as "n!",
 *   (select count(*) from (
 *     select from key_packages k where k.device_id = a.device_id and not k.last_resort and k.not_after > now()
 *     limit :enough!::integer) counted) as "oneTime!",
 *   exists (select from device_keys k where k.device_id = a.device_id) as "registered!",
 *   exists (select from device_mailbox m where m.device_id = a.device_id) as "welcomes!",
 *   exists (select from link_offers o where o.device_id = a.device_id and o.sealed is not null and o.expires_at > now()) as "links!"
 * from unnest(:deviceIds!::text::uuid[]) with ordinality as a (device_id, n)
 * ```
 */
export const waiting = new PreparedQuery<IWaitingParams,IWaitingResult>(waitingIR);


/** 'WelcomesOf' parameters type */
export interface IWelcomesOfParams {
  deviceId: string;
  except: string;
  limit: number;
}

/** 'WelcomesOf' return type */
export interface IWelcomesOfResult {
  conversationId: string;
  epoch: number;
  id: string;
  seq: number;
  welcome: Buffer;
}

/** 'WelcomesOf' query type */
export interface IWelcomesOfQuery {
  params: IWelcomesOfParams;
  result: IWelcomesOfResult;
}

const welcomesOfIR: any = {"usedParamSet":{"deviceId":true,"except":true,"limit":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":261,"b":270}]},{"name":"except","required":true,"transform":{"type":"scalar"},"locs":[{"a":289,"b":296}]},{"name":"limit","required":true,"transform":{"type":"scalar"},"locs":[{"a":393,"b":399}]}],"statement":"-- The oldest welcomes that a device has not acknowledged, without those in `except`.\nselect m.id, m.conversation_id, m.seq, m.epoch, w.welcome\nfrom device_mailbox m join welcomes w on w.conversation_id = m.conversation_id and w.seq = m.seq\nwhere m.device_id = :deviceId! and m.id <> all (:except!::text::uuid[]) and m.created_at > now() - interval '30 days'\norder by m.created_at, m.id limit :limit!"};

/**
 * Query generated from SQL:
 * ```
 * -- The oldest welcomes that a device has not acknowledged, without those in `except`.
 * select m.id, m.conversation_id, m.seq, m.epoch, w.welcome
 * from device_mailbox m join welcomes w on w.conversation_id = m.conversation_id and w.seq = m.seq
 * where m.device_id = :deviceId! and m.id <> all (:except!::text::uuid[]) and m.created_at > now() - interval '30 days'
 * order by m.created_at, m.id limit :limit!
 * ```
 */
export const welcomesOf = new PreparedQuery<IWelcomesOfParams,IWelcomesOfResult>(welcomesOfIR);


/** 'AcknowledgeWelcome' parameters type */
export interface IAcknowledgeWelcomeParams {
  deviceId: string;
  id: string;
}

/** 'AcknowledgeWelcome' return type */
export interface IAcknowledgeWelcomeResult {
  id: string;
}

/** 'AcknowledgeWelcome' query type */
export interface IAcknowledgeWelcomeQuery {
  params: IAcknowledgeWelcomeParams;
  result: IAcknowledgeWelcomeResult;
}

const acknowledgeWelcomeIR: any = {"usedParamSet":{"id":true,"deviceId":true},"params":[{"name":"id","required":true,"transform":{"type":"scalar"},"locs":[{"a":126,"b":129}]},{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":147,"b":156}]}],"statement":"-- Deletes the welcome itself with the last device that waited for it.\nwith gone as (\n  delete from device_mailbox where id = :id! and device_id = :deviceId! returning id, conversation_id, seq\n), freed as (\n  delete from welcomes w using gone g\n  where w.conversation_id = g.conversation_id and w.seq = g.seq and not exists (\n    select from device_mailbox o where o.conversation_id = g.conversation_id and o.seq = g.seq and o.id <> g.id)\n)\nselect id from gone"};

/**
 * Query generated from SQL:
 * ```
 * -- Deletes the welcome itself with the last device that waited for it.
 * with gone as (
 *   delete from device_mailbox where id = :id! and device_id = :deviceId! returning id, conversation_id, seq
 * ), freed as (
 *   delete from welcomes w using gone g
 *   where w.conversation_id = g.conversation_id and w.seq = g.seq and not exists (
 *     select from device_mailbox o where o.conversation_id = g.conversation_id and o.seq = g.seq and o.id <> g.id)
 * )
 * select id from gone
 * ```
 */
export const acknowledgeWelcome = new PreparedQuery<IAcknowledgeWelcomeParams,IAcknowledgeWelcomeResult>(acknowledgeWelcomeIR);


/** 'DevicesWithMail' parameters type */
export interface IDevicesWithMailParams {
  deviceIds: string;
}

/** 'DevicesWithMail' return type */
export interface IDevicesWithMailResult {
  deviceId: string;
}

/** 'DevicesWithMail' query type */
export interface IDevicesWithMailQuery {
  params: IDevicesWithMailParams;
  result: IDevicesWithMailResult;
}

const devicesWithMailIR: any = {"usedParamSet":{"deviceIds":true},"params":[{"name":"deviceIds","required":true,"transform":{"type":"scalar"},"locs":[{"a":146,"b":156},{"a":236,"b":246}]}],"statement":"-- Welcomes, and answers to offers: the word about either can be lost.\nselect device_id as \"deviceId!\" from device_mailbox where device_id = any (:deviceIds!::text::uuid[])\nunion\nselect device_id from link_offers where device_id = any (:deviceIds!::text::uuid[]) and sealed is not null and expires_at > now()"};

/**
 * Query generated from SQL:
 * ```
 * -- Welcomes, and answers to offers: the word about either can be lost.
 * select device_id as "deviceId!" from device_mailbox where device_id = any (:deviceIds!::text::uuid[])
 * union
 * select device_id from link_offers where device_id = any (:deviceIds!::text::uuid[]) and sealed is not null and expires_at > now()
 * ```
 */
export const devicesWithMail = new PreparedQuery<IDevicesWithMailParams,IDevicesWithMailResult>(devicesWithMailIR);


/** 'DeleteOldWelcomes' parameters type */
export type IDeleteOldWelcomesParams = void;

/** 'DeleteOldWelcomes' return type */
export type IDeleteOldWelcomesResult = void;

/** 'DeleteOldWelcomes' query type */
export interface IDeleteOldWelcomesQuery {
  params: IDeleteOldWelcomesParams;
  result: IDeleteOldWelcomesResult;
}

const deleteOldWelcomesIR: any = {"usedParamSet":{},"params":[],"statement":"delete from welcomes w where w.created_at < now() - interval '30 days'\n  or not exists (select from device_mailbox m where m.conversation_id = w.conversation_id and m.seq = w.seq)"};

/**
 * Query generated from SQL:
 * ```
 * delete from welcomes w where w.created_at < now() - interval '30 days'
 *   or not exists (select from device_mailbox m where m.conversation_id = w.conversation_id and m.seq = w.seq)
 * ```
 */
export const deleteOldWelcomes = new PreparedQuery<IDeleteOldWelcomesParams,IDeleteOldWelcomesResult>(deleteOldWelcomesIR);


/** 'DeleteOldMail' parameters type */
export type IDeleteOldMailParams = void;

/** 'DeleteOldMail' return type */
export type IDeleteOldMailResult = void;

/** 'DeleteOldMail' query type */
export interface IDeleteOldMailQuery {
  params: IDeleteOldMailParams;
  result: IDeleteOldMailResult;
}

const deleteOldMailIR: any = {"usedParamSet":{},"params":[],"statement":"delete from device_mailbox where created_at < now() - interval '30 days'"};

/**
 * Query generated from SQL:
 * ```
 * delete from device_mailbox where created_at < now() - interval '30 days'
 * ```
 */
export const deleteOldMail = new PreparedQuery<IDeleteOldMailParams,IDeleteOldMailResult>(deleteOldMailIR);


/** 'OpenOffers' parameters type */
export interface IOpenOffersParams {
  userId: string;
}

/** 'OpenOffers' return type */
export interface IOpenOffersResult {
  open: number;
  until: Date | null;
}

/** 'OpenOffers' query type */
export interface IOpenOffersQuery {
  params: IOpenOffersParams;
  result: IOpenOffersResult;
}

const openOffersIR: any = {"usedParamSet":{"userId":true},"params":[{"name":"userId","required":true,"transform":{"type":"scalar"},"locs":[{"a":122,"b":129},{"a":245,"b":252}]}],"statement":"-- Offers of a person that are not answered yet. Forgets older ones.\nwith old as (delete from link_offers where user_id = :userId! and expires_at <= now())\nselect count(*) as \"open!\", min(expires_at) as \"until?\" from link_offers\nwhere user_id = :userId! and sealed is null and expires_at > now()"};

/**
 * Query generated from SQL:
 * ```
 * -- Offers of a person that are not answered yet. Forgets older ones.
 * with old as (delete from link_offers where user_id = :userId! and expires_at <= now())
 * select count(*) as "open!", min(expires_at) as "until?" from link_offers
 * where user_id = :userId! and sealed is null and expires_at > now()
 * ```
 */
export const openOffers = new PreparedQuery<IOpenOffersParams,IOpenOffersResult>(openOffersIR);


/** 'OfferLink' parameters type */
export interface IOfferLinkParams {
  publicKey: Uint8Array;
  sessionId: string;
}

/** 'OfferLink' return type */
export interface IOfferLinkResult {
  expiresAt: Date;
  id: string;
}

/** 'OfferLink' query type */
export interface IOfferLinkQuery {
  params: IOfferLinkParams;
  result: IOfferLinkResult;
}

const offerLinkIR: any = {"usedParamSet":{"publicKey":true,"sessionId":true},"params":[{"name":"publicKey","required":true,"transform":{"type":"scalar"},"locs":[{"a":88,"b":98}]},{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":276,"b":286}]}],"statement":"insert into link_offers (user_id, device_id, public_key)\nselect s.user_id, s.device_id, :publicKey! from sessions s\njoin devices d on d.id = s.device_id and d.revoked_at is null\njoin users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null\nwhere s.id = :sessionId! and s.ended_at is null\nreturning id, expires_at"};

/**
 * Query generated from SQL:
 * ```
 * insert into link_offers (user_id, device_id, public_key)
 * select s.user_id, s.device_id, :publicKey! from sessions s
 * join devices d on d.id = s.device_id and d.revoked_at is null
 * join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
 * where s.id = :sessionId! and s.ended_at is null
 * returning id, expires_at
 * ```
 */
export const offerLink = new PreparedQuery<IOfferLinkParams,IOfferLinkResult>(offerLinkIR);


/** 'AcceptLink' parameters type */
export interface IAcceptLinkParams {
  linkId: string;
  sealed: Uint8Array;
  sessionId: string;
}

/** 'AcceptLink' return type */
export interface IAcceptLinkResult {
  deviceId: string;
}

/** 'AcceptLink' query type */
export interface IAcceptLinkQuery {
  params: IAcceptLinkParams;
  result: IAcceptLinkResult;
}

const acceptLinkIR: any = {"usedParamSet":{"sealed":true,"sessionId":true,"linkId":true},"params":[{"name":"sealed","required":true,"transform":{"type":"scalar"},"locs":[{"a":113,"b":120},{"a":450,"b":457}]},{"name":"sessionId","required":true,"transform":{"type":"scalar"},"locs":[{"a":298,"b":308}]},{"name":"linkId","required":true,"transform":{"type":"scalar"},"locs":[{"a":346,"b":353}]}],"statement":"-- By another device of the same person, once: the same answer may come again.\nupdate link_offers o set sealed = :sealed!\nfrom sessions s\njoin devices d on d.id = s.device_id and d.revoked_at is null\njoin users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null\nwhere s.id = :sessionId! and s.ended_at is null\n  and o.id = :linkId! and o.user_id = s.user_id and o.device_id <> s.device_id\n  and (o.sealed is null or o.sealed = :sealed!) and o.expires_at > now()\nreturning o.device_id"};

/**
 * Query generated from SQL:
 * ```
 * -- By another device of the same person, once: the same answer may come again.
 * update link_offers o set sealed = :sealed!
 * from sessions s
 * join devices d on d.id = s.device_id and d.revoked_at is null
 * join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
 * where s.id = :sessionId! and s.ended_at is null
 *   and o.id = :linkId! and o.user_id = s.user_id and o.device_id <> s.device_id
 *   and (o.sealed is null or o.sealed = :sealed!) and o.expires_at > now()
 * returning o.device_id
 * ```
 */
export const acceptLink = new PreparedQuery<IAcceptLinkParams,IAcceptLinkResult>(acceptLinkIR);


/** 'SealedLinks' parameters type */
export interface ISealedLinksParams {
  deviceId: string;
}

/** 'SealedLinks' return type */
export interface ISealedLinksResult {
  id: string;
  sealed: Buffer;
}

/** 'SealedLinks' query type */
export interface ISealedLinksQuery {
  params: ISealedLinksParams;
  result: ISealedLinksResult;
}

const sealedLinksIR: any = {"usedParamSet":{"deviceId":true},"params":[{"name":"deviceId","required":true,"transform":{"type":"scalar"},"locs":[{"a":66,"b":75}]}],"statement":"select id, sealed as \"sealed!\" from link_offers where device_id = :deviceId! and sealed is not null and expires_at > now()"};

/**
 * Query generated from SQL:
 * ```
 * select id, sealed as "sealed!" from link_offers where device_id = :deviceId! and sealed is not null and expires_at > now()
 * ```
 */
export const sealedLinks = new PreparedQuery<ISealedLinksParams,ISealedLinksResult>(sealedLinksIR);


/** 'DeleteOldOffers' parameters type */
export type IDeleteOldOffersParams = void;

/** 'DeleteOldOffers' return type */
export type IDeleteOldOffersResult = void;

/** 'DeleteOldOffers' query type */
export interface IDeleteOldOffersQuery {
  params: IDeleteOldOffersParams;
  result: IDeleteOldOffersResult;
}

const deleteOldOffersIR: any = {"usedParamSet":{},"params":[],"statement":"delete from link_offers where expires_at < now()"};

/**
 * Query generated from SQL:
 * ```
 * delete from link_offers where expires_at < now()
 * ```
 */
export const deleteOldOffers = new PreparedQuery<IDeleteOldOffersParams,IDeleteOldOffersResult>(deleteOldOffersIR);


