"""Pages of knowledge."""

from __future__ import annotations

from django.urls import path

from knowledge.views import (
    entries,
    entry_edit,
    known,
    promised,
    quality,
    replies,
    reply,
    reply_send,
    template_edit,
    templates,
    worklists,
)

app_name = "knowledge"
urlpatterns = [
    path("reply-templates/", templates.templates, name="templates"),
    path("reply-templates/new/", template_edit.new, name="template-new"),
    path("reply-templates/preview/", template_edit.preview, name="template-preview"),
    path("reply-templates/<slug:key>/", templates.template, name="template"),
    path("reply-templates/<slug:key>/edit/", template_edit.edit, name="template-edit"),
    path("reply-templates/<slug:key>/diff/", templates.diff, name="template-diff"),
    path("reply-templates/<slug:key>/withdraw/", templates.withdraw_, name="template-withdraw"),
    path("reply-templates/<slug:key>/v<int:number>/", templates.version, name="template-version"),
    path("reply-templates/<slug:key>/v<int:number>/activate/", templates.activate_, name="template-activate"),
    path("reply-templates/<slug:key>/v<int:number>/restore/", templates.restore_, name="template-restore"),
    path("knowledge/", entries.index, name="entries"),
    path("knowledge/new/", entry_edit.new, name="entry-new"),
    path("knowledge/preview/", entry_edit.preview, name="entry-preview"),
    path("knowledge/quality/", quality.quality, name="quality"),
    path("knowledge/work/", worklists.work, name="entry-work"),
    path("knowledge/<str:ref>/", entries.entry, name="entry"),
    path("knowledge/<str:ref>/edit/", entry_edit.edit, name="entry-edit"),
    path("knowledge/<str:ref>/history/", entries.history, name="entry-history"),
    path("knowledge/<str:ref>/history/<int:number>/restore/", entries.restore_, name="entry-restore"),
    path("knowledge/<str:ref>/state/", entries.state, name="entry-state"),
    path("knowledge/<str:ref>/links/", entries.link, name="entry-link"),
    path("knowledge/<str:ref>/links/<int:pk>/remove/", entries.unlink, name="entry-unlink"),
    path("knowledge/<str:ref>/detection/", entries.run_detection, name="entry-detection"),
    path("knowledge/<str:ref>/vote/", entries.vote, name="entry-vote"),
    path("knowledge/<str:ref>/watch/", entries.watch, name="entry-watch"),
    path("tickets/<str:ref>/known-causes/", known.known, name="known"),
    path("tickets/<str:ref>/known-causes/<int:pk>/", known.recognition, name="recognition"),
    path("tickets/<str:ref>/known-causes/use/", known.use, name="known-use"),
    path("tickets/<str:ref>/known-causes/learned/", known.learn_, name="known-learn"),
    path("tickets/<str:ref>/reply-draft/", reply.reply, name="reply"),
    path("tickets/<str:ref>/reply-draft/save/", reply.save_, name="reply-save"),
    path("tickets/<str:ref>/reply-draft/fill/", reply.fill, name="reply-fill"),
    path("tickets/<str:ref>/reply-draft/undo/", reply.undo_, name="reply-undo"),
    path("tickets/<str:ref>/reply-draft/suggest/", reply.suggest, name="reply-suggest"),
    path("tickets/<str:ref>/reply-draft/discard/", reply.discard_, name="reply-discard"),
    path("tickets/<str:ref>/reply-draft/send/", reply_send.send_, name="reply-send"),
    path("tickets/<str:ref>/reply-draft/mark/", reply_send.mark, name="reply-mark"),
    path("tickets/<str:ref>/replies/<int:pk>/", replies.sent, name="reply-sent"),
    path("tickets/<str:ref>/replies/<int:pk>/again/", reply_send.again, name="reply-again"),
    path("promised-updates/", promised.promised, name="promised"),
]
