import type * as v from 'valibot';

/** Any schema whose input and output are plain JSON. */
export type Schema = v.GenericSchema;

export interface RequestDefinition<
  Type extends string = string,
  Body extends Schema = Schema,
  Reply extends Schema = Schema,
> {
  readonly type: Type;
  readonly body: Body;
  readonly reply: Reply;
}

export interface NotificationDefinition<Type extends string = string, Body extends Schema = Schema> {
  readonly type: Type;
  readonly body: Body;
}

export interface EventDefinition<Type extends string = string, Body extends Schema = Schema> {
  readonly type: Type;
  readonly body: Body;
}

/** A message from client to server that is answered by exactly one reply or error. */
export const request = <const Type extends string, Body extends Schema, Reply extends Schema>(
  type: Type,
  body: Body,
  reply: Reply,
): RequestDefinition<Type, Body, Reply> => ({ type, body, reply });

/** A message from client to server that is never answered. */
export const notification = <const Type extends string, Body extends Schema>(
  type: Type,
  body: Body,
): NotificationDefinition<Type, Body> => ({ type, body });

/** A message from server to client. */
export const event = <const Type extends string, Body extends Schema>(
  type: Type,
  body: Body,
): EventDefinition<Type, Body> => ({ type, body });
