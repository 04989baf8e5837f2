import { createHash } from 'node:crypto';
import { escapeHtml } from '../html.ts';
import type { HttpResponse } from '../listen/transport.ts';

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:15vh auto;padding:0 1rem;color:#222}
button,input{font:inherit;padding:.6rem 1rem;width:100%;box-sizing:border-box;margin:.4rem 0}button{background:#1b5e4b;color:#fff;border:0;border-radius:.3rem}`;

const styleHash = createHash('sha256').update(style).digest('base64');

const headers = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  // The address holds a secret; a form on the page still has to say where it comes from.
  'Referrer-Policy': 'same-origin',
};

/** Something to confirm with one button. */
export function confirmPage(token: string, title: string, text: string): HttpResponse {
  return page(200, title, `<p>${escapeHtml(text)}</p>${form(token, '', 'Confirm')}`);
}

export function newPasswordPage(token: string, username: string): HttpResponse {
  const fields = `<input type="hidden" autocomplete="username" value="${escapeHtml(username)}">
<label>New password, 10 characters at least<input type="password" name="password" minlength="10" maxlength="72" autocomplete="new-password" required></label>`;
  return page(
    200,
    'Choose a new password',
    `<p>For the account <b>${escapeHtml(username)}</b>.</p>${form(token, fields, 'Save')}`,
  );
}

export function wordPage(status: number, title: string, text: string): HttpResponse {
  return page(status, title, `<p>${escapeHtml(text)}</p>`);
}

function form(token: string, fields: string, button: string): string {
  return `<form method="post"><input type="hidden" name="token" value="${escapeHtml(token)}">${fields}<button>${button}</button></form>`;
}

function page(status: number, title: string, content: string): HttpResponse {
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>${escapeHtml(title)}</title><style>${style}</style></head>
<body><h1>${escapeHtml(title)}</h1>${content}</body></html>`;
  return { status, headers, body };
}
