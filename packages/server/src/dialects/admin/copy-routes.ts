import { Type } from 'typebox';
import type { CopyView, Signing } from '../../signing/index.ts';
import { OPERATOR, type AdminServer } from './routes.ts';

const FlowParams = Type.Object({ flowId: Type.String({ maxLength: 64 }) });
const CopyParams = Type.Object({ flowId: Type.String({ maxLength: 64 }), copyId: Type.String({ maxLength: 64 }) });
const NewCopy = Type.Object(
  {
    name: Type.String({ maxLength: 256 }),
    mobile: Type.Optional(Type.String({ maxLength: 32 })),
    email: Type.Optional(Type.String({ maxLength: 320 })),
  },
  { additionalProperties: false },
);

function presentCopy(flowId: string, copy: CopyView): Record<string, unknown> {
  return {
    flow_id: flowId,
    copy_id: copy.copyId,
    name: copy.name,
    mobile: copy.mobile,
    email: copy.email,
    added_at: copy.addedAt,
    sent_at: copy.sentAt,
    opened_at: copy.openedAt,
    downloaded_at: copy.downloadedAt,
  };
}

/** `/flows/:flowId/copies`: who does not sign and gets the signed document; add, list, take back. */
export function registerCopyRoutes(
  admin: AdminServer,
  { signing }: { signing: Pick<Signing, 'appOf' | 'addCopy' | 'listCopies' | 'removeCopy'> },
): void {
  const created = { schema: { params: FlowParams, body: NewCopy } };
  admin.post('/flows/:flowId/copies', created, async ({ params: { flowId }, body }, reply) => {
    const copy = await signing.addCopy({
      appId: await signing.appOf(flowId),
      flowId,
      name: body.name,
      mobile: body.mobile ?? null,
      email: body.email ?? null,
      actor: OPERATOR,
    });
    return reply.code(201).send(presentCopy(flowId, copy));
  });

  admin.get('/flows/:flowId/copies', { schema: { params: FlowParams } }, async ({ params: { flowId } }) => {
    const copies = await signing.listCopies(await signing.appOf(flowId), flowId);
    return { copies: copies.map((copy) => presentCopy(flowId, copy)) };
  });

  const one = { schema: { params: CopyParams } };
  admin.delete('/flows/:flowId/copies/:copyId', one, async ({ params: { flowId, copyId } }) => {
    await signing.removeCopy({ appId: await signing.appOf(flowId), flowId, copyId, actor: OPERATOR });
    return { flow_id: flowId, copy_id: copyId };
  });
}
