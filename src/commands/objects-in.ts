import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'

/** The objects of an answer's list; none where there is no list. */
export const objectsIn = (value: Json | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : []
