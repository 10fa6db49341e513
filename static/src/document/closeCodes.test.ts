import { expect, test } from 'vitest'

import { verdictOn } from './closeCodes'

const words = expect.any(String)

test.each([1000, 1001, 1006, 1011, 4503, 4599])('%i: try again', (code) => {
  expect(verdictOn(code)).toEqual({ then: 'retry' })
})

test.each([4400, 4401, 4403, 4404, 4409, 4413, 4499])('%i: stop, and say why', (code) => {
  expect(verdictOn(code)).toEqual({ then: 'stop', words })
})

test('an old page reloads itself', () => {
  expect(verdictOn(4426)).toEqual({ then: 'reload', words })
})

test('who sent too much waits some seconds, and is told', () => {
  expect(verdictOn(4529)).toEqual({ then: 'slow-down', words })
})

test('a page that fell silent waits for its person, and says so', () => {
  expect(verdictOn(4508)).toEqual({ then: 'sleep', words })
})
