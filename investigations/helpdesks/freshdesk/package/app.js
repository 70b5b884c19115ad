/* Between Freshdesk's framework and the frame (#altor) that shows Altor's sidebar. Only the ticket's number and the agent
   go in; only text for the editor and a height come back. */
(function () {
  'use strict';
  var frame = document.getElementById('altor');
  var origin = new URL(frame.src).origin;

  function tell(client) {
    Promise.all([client.data.get('ticket'), client.data.get('loggedInUser')]).then(function (got) {
      var ticket = got[0].ticket || {};
      var user = got[1].loggedInUser || {};
      var contact = user.contact || {};
      if (!ticket.id) return;
      frame.contentWindow.postMessage({
        altor: 1,
        type: 'context',
        ticket: String(ticket.display_id || ticket.id),
        agent: { id: String(user.id || ''), name: String(contact.name || ''), email: String(contact.email || '') }
      }, origin);
    });
  }

  /* The editor takes HTML: the text goes through an element, so that nothing in it is read as such. */
  function asHtml(text) {
    var holder = document.createElement('div');
    holder.textContent = text;
    return holder.innerHTML.replace(/\n/g, '<br>');
  }

  function listen(client) {
    window.addEventListener('message', function (event) {
      var said = event.data;
      if (event.origin !== origin || event.source !== frame.contentWindow || !said || said.altor !== 1) return;
      if (said.type === 'ready') {
        tell(client); // it listens now: what was told before may have found nobody
      } else if (said.type === 'insert' && typeof said.text === 'string') {
        client.interface.trigger('setValue', {
          id: 'editor', text: asHtml(said.text.slice(0, 20000)), replace: false, position: 'cursor'
        });
      } else if (said.type === 'height' && Number.isFinite(said.px)) {
        client.instance.resize({ height: Math.min(Math.max(said.px, 80), 2000) + 'px' });
      }
    });
  }

  window.app.initialized().then(function (client) {
    listen(client);
    frame.addEventListener('load', function () { tell(client); });
    client.events.on('app.activated', function () { tell(client); });
    tell(client);
  });
})();
