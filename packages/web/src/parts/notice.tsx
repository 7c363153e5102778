import type { ReactNode } from 'react';

export type NoticeKind = 'information' | 'success' | 'warning' | 'error';

interface NoticeProps {
  kind: NoticeKind;
  title: string;
  /** `alert` for what must be heard at once. */
  role?: 'alert';
  children?: ReactNode;
}

/** The sign tells the kind without its colour. */
const SIGNS: Readonly<Record<NoticeKind, string>> = { information: 'i', success: '✓', warning: '!', error: '!' };

export function Notice({ kind, title, role, children }: NoticeProps) {
  return (
    <div className={`notice ${kind}`} role={role}>
      <span className="notice-sign" aria-hidden="true">
        {SIGNS[kind]}
      </span>
      <div className="notice-text">
        <p className="notice-title">{title}</p>
        {children}
      </div>
    </div>
  );
}
