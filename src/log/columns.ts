/** Columns travel as one text each, a line per row: no column may hold a line break, and an empty line is null. */
export const lines = (values: readonly (string | undefined)[]): string => values.map((value) => value ?? '').join('\n')
export const hexLines = (values: readonly (Buffer | undefined)[]): string => lines(values.map((value) => value?.toString('hex')))
