/** What postgres.js 3.4.9 asks each new connection before anything else. */
const arrayTypesQuery = /select b\.oid, b\.typarray\s+from pg_catalog\.pg_type/

/**
 * Lets this process outlive a connection that is lost while it is asked for the array types.
 *
 * postgres.js waits for that answer where nobody can catch its failure, which would end the process, as when Postgres goes away again
 * while it recovers. Whoever needed the connection is told by an error of its own, and the next one is asked anew. Every other rejection
 * that nobody handles ends the process as before.
 */
export function outliveLostArrayTypes(): void {
  process.on('unhandledRejection', (error) => {
    if (isOfArrayTypes(error)) return
    throw error
  })
}

function isOfArrayTypes(error: unknown): boolean {
  return error instanceof Error && 'query' in error && typeof error.query === 'string' && arrayTypesQuery.test(error.query)
}
