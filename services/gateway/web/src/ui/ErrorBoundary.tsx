import { Component, type ReactNode } from 'react';

interface Props {
  /** Shown in the place of children that fail, or that can't be loaded. */
  readonly fallback: ReactNode;
  readonly children: ReactNode;
}

/** A part that fails does not take the whole app with it. */
export class ErrorBoundary extends Component<Props, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? this.props.fallback : this.props.children;
  }
}
