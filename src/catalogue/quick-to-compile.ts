/**
 * Options of Ajv. Left to itself it optimizes the code that it generates, which takes as long as generating it, and V8 does
 * the same again: validation is not measurably slower without.
 */
export const quickToCompile = { code: { optimize: false } } as const
