import { createKafkaBus } from '../../src/bus/kafka.ts'
import { keepingLog } from '../support/bus-log.ts'
import { describeWithKafka, sharedKafka } from '../support/kafka.ts'
import { busContract, kinds } from './bus-contract.ts'

describeWithKafka('over Kafka', () => {
  busContract('kafka', async ({ sql, test, heartbeatMs }) => {
    const brokers = (await sharedKafka())?.split(',') ?? []
    return createKafkaBus({ brokers, prefix: `test-${test}`, sql, kinds, log: keepingLog(), heartbeatMs })
  })
})
