// A merchant's year with the unmodified library: tokens, a customer, three
// cards, pages of them, changes, charges, mistakes and a goodbye.
'use strict';

const assert = require('node:assert/strict');
const omise = require('omise');

const publicKey = process.env.OMISE_PUBLIC_KEY;
const secretKey = process.env.OMISE_SECRET_KEY;
const client = (keys) => omise({
  ...keys, omiseVersion: '2019-05-29', scheme: 'http', host: '127.0.0.1', vaultHost: '127.0.0.1',
});
const {tokens, customers, charges} = client({publicKey, secretKey});
const nextYear = new Date().getUTCFullYear() + 1;

function newToken(name, number, code = '123') {
  return tokens.create({
    card: {name, number, expiration_month: 12, expiration_year: nextYear, security_code: code, city: 'Bangkok', postal_code: 10320},
  });
}

// refused wants an error object of exactly four strings.
async function refused(call, code, message) {
  const err = await call.then((answer) => assert.fail(`answered ${JSON.stringify(answer)}, want ${code}`), (err) => err);
  assert.deepEqual(err, {object: 'error', location: `https://www.omise.co/api-errors#${code.replaceAll('_', '-')}`, code, message});
}

const ids = (list) => list.data.map((item) => item.id);
const cardOf = (token) => token.id.replace('tokn', 'card');

async function tokenAndCustomer() {
  const token = await newToken('SOMCHAI PRASERT', '4242424242424242');
  assert.match(token.id, /^tokn_test_[0-9a-z]{24}$/);
  assert.equal(token.used, false);
  assert.equal(token.charge_status, 'unknown');
  assert.equal(token.card.id, cardOf(token));
  assert.equal(token.card.postal_code, '10320');
  assert.equal(token.card.location, null);
  assert.deepEqual(await tokens.retrieve(token.id), token);

  const customer = await customers.create({
    email: 'somchai@example.com', description: 'Somchai (id: 30)', metadata: {tier: 'gold', visits: 3}, card: token.id,
  });
  assert.match(customer.id, /^cust_test_[0-9a-z]{24}$/);
  assert.equal(customer.object, 'customer');
  assert.equal(customer.default_card, cardOf(token));
  assert.deepEqual(customer.metadata, {tier: 'gold', visits: 3});
  assert.equal(customer.cards.total, 1);
  assert.deepEqual({...customer.cards.data[0], location: null}, token.card);

  const used = await tokens.retrieve(token.id);
  assert.equal(used.used, true);
  assert.equal(used.card, null);
  await refused(customers.create({card: token.id}), 'used_token', 'token was already used');
  await refused(customers.update(customer.id, {card: token.id}), 'used_token', 'token was already used');
  const {cards} = await customers.retrieve(customer.id);
  assert.deepEqual([cards.total, ids(cards)], [1, [cardOf(token)]], 'a used token changes nothing');
  return {id: customer.id, first: cardOf(token)};
}

async function threeCards({id, first}) {
  const cards = [first];
  for (const card of [['SOMCHAI PRASERT', '5555555555554444'], ['MALEE PRASERT', '378282246310005', '1234']]) {
    const token = await newToken(...card);
    const customer = await customers.update(id, {card: token.id});
    cards.push(cardOf(token));
    assert.deepEqual(ids(customer.cards), cards);
    assert.equal(customer.default_card, first, 'the default stays with the first card');
    assert.equal(customer.email, 'somchai@example.com', 'what is not sent stays');
  }
  return cards;
}

async function pages(id, cards) {
  const one = await customers.listCards(id, {limit: 2});
  const two = await customers.listCards(id, {limit: 2, offset: 2});
  assert.deepEqual([one.object, one.limit, one.offset, one.total, one.order], ['list', 2, 0, 3, 'chronological']);
  assert.deepEqual([two.limit, two.offset, two.total], [2, 2, 3]);
  assert.equal(one.location, `/customers/${id}/cards`);
  assert.deepEqual([ids(one), ids(two)], [cards.slice(0, 2), cards.slice(2)]);
  assert.deepEqual(one.data.map((card) => card.brand), ['Visa', 'MasterCard']);
  assert.equal(two.data[0].brand, 'American Express');

  const back = await customers.listCards(id, {limit: 2, order: 'reverse_chronological'});
  assert.deepEqual([back.order, back.total, ids(back)], ['reverse_chronological', 3, [cards[2], cards[1]]]);
  assert.deepEqual(ids(await customers.listCards(id)), cards);
  await refused(customers.listCards(id, {limit: 0}), 'bad_request', 'limit is invalid');
  await refused(customers.listCards(id, {order: 'sideways'}), 'bad_request', 'order is invalid');

  const newest = await customers.list({limit: 1, order: 'reverse_chronological'});
  assert.deepEqual([newest.object, newest.location, ids(newest)], ['list', '/customers', [id]]);
  assert.deepEqual(ids(newest.data[0].cards), cards);
  const schedules = await customers.schedules(id);
  assert.deepEqual([schedules.object, schedules.total, schedules.data], ['list', 0, []]);
}

async function changeCard(id, card) {
  const before = await customers.retrieveCard(id, card);
  const changed = await customers.updateCard(id, card, {name: 'SOMCHAI P.', expiration_month: 3, expiration_year: nextYear + 1, number: '4111111111111111'});
  assert.deepEqual(changed, {...before, name: 'SOMCHAI P.', expiration_month: 3, expiration_year: nextYear + 1});
  assert.deepEqual(await customers.retrieveCard(id, card), changed);
  await refused(customers.updateCard(id, card, {name: ''}), 'invalid_card', 'name can\'t be blank');
  await refused(customers.updateCard(id, card, {expiration_year: 2020}), 'invalid_card', 'expiration date cannot be in the past');
  assert.deepEqual(await customers.retrieveCard(id, card), changed, 'a refused change changes nothing');
}

// defaults: the default card moves by choice, and to the latest card when it is
// destroyed.
async function defaults(id, [first, second, third]) {
  const defaultCard = async () => (await customers.retrieve(id)).default_card;
  assert.equal((await customers.update(id, {default_card: second})).default_card, second);
  await refused(customers.update(id, {default_card: 'card_test_absent'}), 'not_found', 'card card_test_absent was not found');
  assert.equal(await defaultCard(), second);

  const gone = await customers.destroyCard(id, second);
  assert.deepEqual([gone.object, gone.id, gone.deleted, gone.last_digits], ['card', second, true, '4444']);
  assert.equal(await defaultCard(), third);
  await customers.destroyCard(id, first);
  assert.equal(await defaultCard(), third);
  await refused(customers.destroyCard(id, first), 'not_found', `card ${first} was not found`);
  await refused(customers.retrieveCard(id, second), 'not_found', `card ${second} was not found`);
  const left = await customers.listCards(id);
  assert.deepEqual([left.total, ids(left)], [1, [third]]);
}

async function mistakes(id, card) {
  const failed = ['authentication_failure', 'authentication failed'];
  const swapped = client({publicKey: secretKey, secretKey: publicKey});
  await refused(swapped.tokens.create({card: {}}), ...failed);
  await refused(swapped.tokens.retrieve('tokn_test_absent'), ...failed);
  await refused(swapped.customers.list(), ...failed);
  await refused(swapped.customers.create({}), ...failed);
  await refused(swapped.customers.retrieveCard(id, card), ...failed);
  await refused(client({publicKey: 'pkey_test_0000000000000000000', secretKey}).tokens.retrieve('tokn_test_absent'), ...failed);

  await refused(tokens.retrieve('tokn_test_absent'), 'not_found', 'token tokn_test_absent was not found');
  await refused(customers.retrieve('cust_test_absent'), 'not_found', 'customer cust_test_absent was not found');
  await refused(customers.update('cust_test_absent', {}), 'not_found', 'customer cust_test_absent was not found');
  await refused(customers.listCards('cust_test_absent'), 'not_found', 'customer cust_test_absent was not found');
  await refused(customers.retrieveCard(id, 'card_test_absent'), 'not_found', 'card card_test_absent was not found');
  await refused(customers.create({card: 'tokn_test_absent'}), 'not_found', 'token tokn_test_absent was not found');
  await refused(customers.create({card: 'card123'}), 'not_found', 'token card123 was not found');

  const stranger = await customers.create({});
  assert.deepEqual([stranger.email, stranger.default_card, stranger.metadata, stranger.cards.data], [null, null, {}, []]);
  await refused(customers.retrieveCard(stranger.id, card), 'not_found', `card ${card} was not found`);
  await refused(customers.update(stranger.id, {default_card: card}), 'not_found', `card ${card} was not found`);
  assert.equal((await customers.destroy(stranger.id)).deleted, true);
}

async function goodbye(id, card) {
  const gone = await customers.destroy(id);
  assert.deepEqual([gone.object, gone.id, gone.deleted, gone.email], ['customer', id, true, 'somchai@example.com']);
  const absent = ['not_found', `customer ${id} was not found`];
  await refused(customers.retrieve(id), ...absent);
  await refused(customers.retrieveCard(id, card), ...absent);
  await refused(customers.listCards(id), ...absent);
  await refused(customers.destroy(id), ...absent);
  assert.equal((await customers.list()).total, 0);
}

async function pay(customer, card) {
  const token = await newToken('SOMCHAI PRASERT', '4242424242424242');
  const first = await charges.create({amount: '100000', currency: 'thb', card: token.id, description: 'order 1', metadata: {order: 1}});
  assert.match(first.id, /^chrg_test_[0-9a-z]{24}$/);
  assert.deepEqual(
    [first.object, first.amount, first.currency, first.status, first.authorized, first.paid, first.customer, first.card.last_digits],
    ['charge', 100000, 'thb', 'successful', true, true, null, '4242']);
  const used = await tokens.retrieve(token.id);
  assert.deepEqual([used.used, used.charge_status, used.card], [true, 'successful', null]);
  await refused(charges.create({amount: 100000, currency: 'thb', card: token.id}), 'used_token', 'token was already used');

  const second = await charges.create({amount: 250000, currency: 'thb', customer, card, capture: false});
  assert.deepEqual([second.status, second.authorized, second.paid, second.customer, second.card.id], ['pending', true, false, customer, card]);
  const captured = await charges.capture(second.id);
  assert.deepEqual([captured.status, captured.paid], ['successful', true]);
  await refused(charges.capture(second.id), 'failed_capture', 'charge is not authorized, or was captured or reversed already');
  const third = await charges.create({amount: 2000, currency: 'thb', customer});
  assert.deepEqual([third.status, third.paid], ['successful', true]);
  const reversed = await charges.reverse(third.id);
  assert.deepEqual([reversed.status, reversed.reversed, reversed.paid], ['reversed', true, false]);

  const poor = await newToken('SOMCHAI PRASERT', '4111111111140011');
  const failed = await charges.create({amount: 100000, currency: 'thb', card: poor.id});
  assert.deepEqual([failed.status, failed.paid, failed.failure_code], ['failed', false, 'insufficient_fund']);
  assert.equal((await tokens.retrieve(poor.id)).charge_status, 'failed');
  await refused(charges.create({amount: 100000, currency: 'xxx', customer}), 'invalid_charge', 'currency is currently not supported');
  await refused(charges.create({amount: 1, currency: 'thb', customer}), 'invalid_charge', 'amount must be greater than or equal to 2000 (thb subunits)');
  await refused(charges.create({amount: 2000, currency: 'thb', card: 'tokn_test_absent'}), 'not_found', 'token tokn_test_absent was not found');

  assert.equal((await charges.retrieve(first.id)).description, 'order 1');
  assert.equal((await charges.update(first.id, {description: 'order 2'})).description, 'order 2');
  const all = await charges.list();
  assert.deepEqual([all.total, all.data[0].id, all.data[0].metadata], [4, first.id, {order: 1}]);
}

async function main() {
  const customer = await tokenAndCustomer();
  const cards = await threeCards(customer);
  await pages(customer.id, cards);
  await changeCard(customer.id, cards[0]);
  await pay(customer.id, cards[1]);
  await mistakes(customer.id, cards[2]);
  await defaults(customer.id, cards);
  await goodbye(customer.id, cards[2]);
  console.log('the end');
}

main().catch((err) => {
  console.error(err); // the library rejects with plain objects
  process.exitCode = 1;
});
