// Columns travel as one text each, a line per row, for Postgres's string_to_table: it costs half of what arrays do.

/** No value may hold a line break; an empty line is null, where the statement says so. */
export const lines = (values: readonly (string | number | undefined)[]): string => values.map((value) => value ?? '').join('\n')
export const hexLines = (values: readonly (Buffer | undefined)[]): string => lines(values.map((value) => value?.toString('hex')))
/** JSON text has no line breaks of its own: in a string they are escaped. */
export const jsonLines = (values: readonly unknown[]): string => lines(values.map((value) => JSON.stringify(value)))
