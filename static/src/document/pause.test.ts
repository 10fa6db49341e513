import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { slowDown, sleep } from './pause'

const resume = vi.fn()
let page: EventTarget & { visibilityState: string }

beforeEach(() => {
  vi.useFakeTimers()
  resume.mockClear()
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' })
  vi.stubGlobal('document', page)
  vi.stubGlobal('window', new EventTarget())
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const becomes = (state: string) => {
  page.visibilityState = state
  page.dispatchEvent(new Event('visibilitychange'))
}

test('slowing down takes five to ten seconds', () => {
  slowDown(resume)
  vi.advanceTimersByTime(4999)
  expect(resume).not.toHaveBeenCalled()
  vi.advanceTimersByTime(5001)
  expect(resume).toHaveBeenCalledOnce()
})

test('a pause that was ended never resumes', () => {
  slowDown(resume)()
  sleep(resume)()
  vi.advanceTimersByTime(60_000)
  window.dispatchEvent(new Event('keydown'))
  expect(resume).not.toHaveBeenCalled()
})

test('sleep lasts while nobody looks, and ends once when somebody does', () => {
  sleep(resume)
  becomes('hidden')
  expect(resume).not.toHaveBeenCalled()
  becomes('visible')
  becomes('visible')
  expect(resume).toHaveBeenCalledOnce()
})

test.each(['pointerdown', 'keydown'])('%s wakes a page that was in sight all the time', (type) => {
  sleep(resume)
  window.dispatchEvent(new Event(type))
  expect(resume).toHaveBeenCalledOnce()
})
