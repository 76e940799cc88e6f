/**
 * Texts as one parameter of Postgres's array syntax, to be cast: `${textArray(values)}::text::text[]`. The client escapes an array
 * element by element, which for long JSON texts costs more than the database's own work on them.
 */
export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map((value) => (value === null ? 'NULL' : `"${value.replace(/["\\]/g, '\\$&')}"`)).join()}}`
}

/** Values as JSON texts; the elements are then cast to json or jsonb. */
export function jsonArray(values: readonly unknown[]): string {
  // JSON text holds no line breaks or other control characters, so escaping it as a JSON string is what array syntax wants
  return `{${JSON.stringify(values.map((value) => JSON.stringify(value))).slice(1, -1)}}`
}
