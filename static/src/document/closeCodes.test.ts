import { expect, test } from 'vitest'

import { verdictOn } from './closeCodes'

test.each([1000, 1001, 1006, 1011, 4503, 4508, 4529])('%i: try again', (code) => {
  expect(verdictOn(code)).toEqual({ retry: true })
})

test.each([4400, 4401, 4403, 4404, 4409, 4413, 4499])('%i: stop, and say why', (code) => {
  expect(verdictOn(code)).toMatchObject({ retry: false, reload: false, words: expect.any(String) })
})

test('an old page reloads itself', () => {
  expect(verdictOn(4426)).toMatchObject({ retry: false, reload: true })
})
