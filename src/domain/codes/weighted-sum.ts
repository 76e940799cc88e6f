/** Sum of value times weight over the first characters of a code, as many as there are weights. */
export function weightedSum(code: string, weights: readonly number[], numberOf: (character: string) => number): number {
  let sum = 0
  for (const [index, weight] of weights.entries()) sum += weight * numberOf(code.charAt(index))
  return sum
}
