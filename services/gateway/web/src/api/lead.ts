/** The lead among the tabs: one has it, then the next in line. */
import { locked } from './locks';

export interface Candidate {
  readonly leads: () => boolean;
  /** Take the lead from whoever has it; they stand in line again. */
  readonly rob: () => void;
}

/** Stand in line until `ending`; `lead` does what a leader does, until its signal. */
export function standFor(
  name: string,
  lead: (signal: AbortSignal) => Promise<void>,
  ending: AbortSignal,
): Candidate {
  let leads = false;
  let standing = new AbortController();
  const stand = async (steal: boolean): Promise<void> => {
    standing.abort(); // who robs does not wait in line, too
    const own = new AbortController();
    standing = own;
    const signal = AbortSignal.any([ending, own.signal]);
    let led = false;
    const work = () => {
      led = leads = true;
      return lead(signal);
    };
    const robbed = await locked(name, work, steal ? { steal } : { signal }).then(
      () => false,
      () => led && !signal.aborted,
    );
    if (led) leads = false;
    if (!robbed) return;
    own.abort();
    void stand(false);
  };
  void stand(false);
  return { leads: () => leads, rob: () => void stand(true) };
}
