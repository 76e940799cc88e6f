/** Of a party's id, and so of a bureau's, as catalogue.schema.json has it. */
export const partyPattern = '^[a-z][a-z0-9-]{0,30}$'
const form = new RegExp(partyPattern)

export function isPartyId(text: string): boolean {
  return form.test(text)
}
