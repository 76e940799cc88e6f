import { createEmbeddedBus } from '../../src/bus/embedded.ts'
import { keepingLog } from '../support/bus-log.ts'
import { busContract, kinds } from './bus-contract.ts'

busContract('embedded', async ({ sql, heartbeatMs }) => createEmbeddedBus({ sql, kinds, log: keepingLog(), heartbeatMs }))
