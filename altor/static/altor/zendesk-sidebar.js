/* Between Zendesk's framework and Altor's sidebar page. In the packaged page it stands beside the frame (#altor) that
   shows the sidebar; in the sidebar page itself, when Zendesk opens that one directly, there is no frame and both are
   this window. Only the ticket's number and the agent go in; only text for the editor and a height come back. */
(function () {
  'use strict';
  var frame = document.getElementById('altor');
  var origin = frame ? new URL(frame.src).origin : window.location.origin;
  var client = window.ZAFClient.init();
  var wanted = ['ticket.id', 'currentUser.id', 'currentUser.name', 'currentUser.email'];

  function page() {
    return frame ? frame.contentWindow : window;
  }

  function tell() {
    client.get(wanted).then(function (got) {
      if (!got['ticket.id']) return;
      page().postMessage({
        altor: 1,
        type: 'context',
        ticket: String(got['ticket.id']),
        agent: {
          id: String(got['currentUser.id'] || ''),
          name: String(got['currentUser.name'] || ''),
          email: String(got['currentUser.email'] || '')
        }
      }, origin);
    });
  }

  window.addEventListener('message', function (event) {
    var said = event.data;
    if (event.origin !== origin || event.source !== page() || !said || said.altor !== 1) return;
    if (said.type === 'ready') {
      tell(); // it listens now: what was told before may have found nobody
    } else if (said.type === 'insert' && typeof said.text === 'string') {
      client.invoke('comment.appendText', said.text.slice(0, 20000));
    } else if (said.type === 'height' && Number.isFinite(said.px)) {
      client.invoke('resize', { width: '100%', height: Math.min(Math.max(said.px, 80), 2000) + 'px' });
    }
  });
  if (frame) frame.addEventListener('load', tell);
  client.on('app.registered', tell);
  client.on('app.activated', tell);
  tell(); // the frame may have been there before this script
})();
