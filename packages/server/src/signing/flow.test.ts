import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterEvent, signersInTurn } from './flow.ts';
import type { FlowEvent, FlowPosition, FlowState, SignerPosition, SignerState } from './flow.ts';

function draft(...signOrders: number[]): FlowPosition {
  return {
    state: 'draft',
    signers: signOrders.map((signOrder, index) => ({ id: `s${index}`, signOrder, state: 'waiting' })),
  };
}

function after(position: FlowPosition, ...events: FlowEvent[]): FlowPosition {
  return events.reduce((before, event) => {
    const next = afterEvent(before, event);
    if (next.kind === 'forbidden') throw new Error(`${event.kind} is forbidden in ${next.state}`);
    return next.position;
  }, position);
}

const states = (position: FlowPosition): SignerState[] => position.signers.map((signer) => signer.state);
const start: FlowEvent = { kind: 'start' };
const signed = (signerId: string): FlowEvent => ({ kind: 'signed', signerId });
const refuse = (signerId: string): FlowEvent => ({ kind: 'refuse', signerId });

describe('a sign flow', () => {
  it('starts with the lowest signOrder, and equal ones together', () => {
    const flow = after(draft(2, 1, 1), start);
    expect(flow.state).toBe('signing');
    expect(states(flow)).toEqual(['waiting', 'signing', 'signing']);
  });

  it('calls the next order up when the one before has signed, and is done with the last signature', () => {
    const half = after(draft(1, 1, 3), start, signed('s0'));
    expect(states(half)).toEqual(['signed', 'signing', 'waiting']);
    const last = after(half, signed('s1'));
    expect(states(last)).toEqual(['signed', 'signed', 'signing']);
    expect(after(last, signed('s2'))).toMatchObject({ state: 'done' });
  });

  it('cannot start without signers, nor twice', () => {
    expect(afterEvent(draft(), start)).toEqual({ kind: 'forbidden', state: 'draft' });
    expect(afterEvent(after(draft(1), start), start)).toEqual({ kind: 'forbidden', state: 'signing' });
  });

  it('ends by a refusal', () => {
    const flow = after(draft(1, 2), start, refuse('s0'));
    expect(flow.state).toBe('refused');
    expect(states(flow)).toEqual(['refused', 'waiting']);
  });

  it('lets nobody sign or refuse before their turn, twice, or who is no signer', () => {
    const flow = after(draft(1, 2), start);
    for (const event of [signed('s1'), refuse('s1'), signed('nobody')]) {
      expect(afterEvent(flow, event)).toEqual({ kind: 'forbidden', state: 'signing' });
    }
    expect(afterEvent(after(flow, signed('s0')), signed('s0'))).toEqual({ kind: 'forbidden', state: 'signing' });
  });

  const over: FlowState[] = ['done', 'revoked', 'expired', 'refused'];
  it.each(over)('that is %s changes no more', (state) => {
    const flow: FlowPosition = { ...after(draft(1), start), state };
    for (const event of [start, signed('s0'), refuse('s0'), { kind: 'revoke' }, { kind: 'expire' }] as FlowEvent[]) {
      expect(afterEvent(flow, event)).toEqual({ kind: 'forbidden', state });
    }
  });
});

it('whatever happens in whatever order, a flow is done exactly when everyone signed, in signOrder', () => {
  const anyEvent: fc.Arbitrary<FlowEvent> = fc.oneof(
    { weight: 12, arbitrary: fc.nat(5).map((n): FlowEvent => signed(`s${n}`)) },
    { weight: 1, arbitrary: fc.nat(5).map((n): FlowEvent => refuse(`s${n}`)) },
    { weight: 1, arbitrary: fc.constantFrom<FlowEvent>({ kind: 'revoke' }, { kind: 'expire' }, start) },
  );
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
      fc.array(anyEvent, { maxLength: 40 }),
      (orders, events) => {
        let flow = after(draft(...orders), start);
        const signedOrders: number[] = [];
        for (const event of events) {
          const next = afterEvent(flow, event);
          if (next.kind === 'forbidden') continue;
          expect(flow.state).toBe('signing');
          if (event.kind === 'signed') {
            signedOrders.push(flow.signers.find((signer) => signer.id === event.signerId)!.signOrder);
          }
          flow = next.position;
        }
        expect(signedOrders).toEqual(signedOrders.toSorted((a, b) => a - b));
        expect(flow.state === 'done').toBe(states(flow).every((state) => state === 'signed'));
        if (flow.state === 'signing') expect(inTurnStates(flow.signers)).toEqual(['signing']);
      },
    ),
  );
});

function inTurnStates(signers: readonly SignerPosition[]): SignerState[] {
  return [...new Set(signersInTurn(signers).map((signer) => signer.state))];
}
