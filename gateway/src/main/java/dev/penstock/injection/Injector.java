package dev.penstock.injection;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

import dev.penstock.config.InboundConfig;
import dev.penstock.config.InjectionConfig;
import dev.penstock.http.Answer;
import dev.penstock.http.Problem;
import dev.penstock.injection.InjectionRequest.Rcpt;
import dev.penstock.message.BodyType;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
import dev.penstock.reception.ClientSession;
import dev.penstock.reception.HeaderEdits;
import dev.penstock.reception.HeaderSection;
import dev.penstock.reception.IncomingMessage;
import dev.penstock.reception.Reception;
import dev.penstock.reception.SpoolReplies;
import dev.penstock.reception.TraceField;
import dev.penstock.smtp.EnhancedStatus;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.ReceivedCounter;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.IdempotencyKey;
import dev.penstock.spool.KeyRecord;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.units.MailClass;

/**
 * Turns requests into messages in the spool. Thread-safe; each request is worked on by a virtual thread that may block,
 * its templates are filled in by a few platform threads.
 *
 * <p>Without an idempotency key each message belongs to the gateway when the spool says that it is durable. With one all
 * messages of the request do when the spool says that the key is, with the answer: by the same sync.
 */
final class Injector {
    private static final Logger log = LoggerFactory.getLogger(Injector.class);
    private static final JsonFactory JSON = new JsonFactory();
    private static final DateTimeFormatter RFC_5322 = DateTimeFormatter
            .ofPattern("EEE, d MMM yyyy HH:mm:ss Z", Locale.ENGLISH).withZone(ZoneOffset.UTC);
    private static final String PROTOCOL = "HTTP";
    private static final int AHEAD = 8; // messages of a request made before they are written; and signed at a time
    private static final int LARGE = 1 << 20; // of such, one
    private static final int COMMITS = 128; // that one request waits for at a time
    private static final int PIECE = 64 << 10;
    private static final Reply NOT_MADE = Reply.of(451, "4.3.0", "Error: the message can't be made");
    private static final String RETRY_SECONDS = "5";
    private static final int NO_STORAGE = 452; // RFC 5321 4.2.3

    private final String hostname;
    private final Spool spool;
    private final Reception reception;
    private final Policy policy;
    private final MessageEvent.Listener events;
    private final InstantSource clock;
    private final Counters counters;
    private final ExecutorService renderers;
    private final RequestMemory memory;
    private final TemplateEngine templates = new TemplateEngine();
    private final Map<IdempotencyKey, Running> running = new ConcurrentHashMap<>();

    /** A request with a key that is being worked on; completes when it has been. */
    private record Running(Answer.Body hash, CompletableFuture<@Nullable Void> ended) {}

    /** Recipients of one message, and what becomes of it. Confined to the request's thread. */
    private static final class Draft {
        final MessageId id;
        /** Places in the request, repeats included. */
        final List<Integer> recipients = new ArrayList<>();
        final List<Recipient> to = new ArrayList<>();
        /** Of its message until that is kept. */
        final RequestMemory.Share memory;
        @Nullable
        CompletableFuture<byte[]> content;
        /** Once it is made. */
        @Nullable
        IncomingMessage message;
        boolean hasDotLines;
        boolean hasEightBit;
        String messageId = "";
        @Nullable
        CompletableFuture<List<SpoolEntry>> commit;
        @Nullable
        List<SpoolEntry> entries;
        @Nullable
        Reply refusal;

        Draft(MessageId id, RequestMemory.Share memory) {
            this.id = id;
            this.memory = memory;
        }

        /** Or may be, as far as is known. */
        boolean isKept() {
            return entries != null || commit != null;
        }
    }

    Injector(String hostname, Spool spool, Reception reception, Policy policy, MessageEvent.Listener events,
            InstantSource clock, Counters counters, ExecutorService renderers, RequestMemory memory) {
        this.memory = memory;
        this.hostname = hostname;
        this.spool = spool;
        this.reception = reception;
        this.policy = policy;
        this.events = events;
        this.clock = clock;
        this.counters = counters;
        this.renderers = renderers;
    }

    /** What a request does under its key. */
    private record Keyed(Spool.KeyedRequest request, Answer.Body hash, Duration retention) {}

    /**
     * Works on one request to its end, and gives the answer.
     *
     * @param key           null for none
     * @param hash          SHA-256 of the body
     * @param own           that is charged with the templates
     * @param deadlineNanos after which no further message is made
     */
    Answer inject(InjectionRequest request, Client client, String local, @Nullable String key, byte[] hash,
            InboundConfig limits, InjectionConfig config, long deadlineNanos, RequestMemory.Share own) {
        Composer composer = new Composer(request, templates, hostname, limits.maxMessageSize().bytes(), own);
        if (key == null) {
            return new RequestRun(request, composer, client, local, limits, deadlineNanos, null).run();
        }
        IdempotencyKey name = Digests.key(client.identity() == null ? "" : client.identity().name(), key);
        while (true) {
            Answer recorded = recorded(name, hash);
            if (recorded != null) {
                return recorded;
            }
            Running mine = new Running(new Answer.Body(hash), new CompletableFuture<>());
            Running other = running.putIfAbsent(name, mine);
            if (other == null) {
                try {
                    Answer since = recorded(name, hash); // by whom was running a moment ago
                    if (since != null) {
                        return since;
                    }
                    if (!spool.keys().hasRoom(config.maxKeys())) {
                        throw unavailable("too many idempotency keys are remembered");
                    }
                    Keyed keyed = new Keyed(spool.keys().begin(name), mine.hash, config.idempotencyRetention());
                    return new RequestRun(request, composer, client, local, limits, deadlineNanos, keyed).run();
                } finally {
                    running.remove(name);
                    mine.ended.complete(null);
                }
            }
            if (!Arrays.equals(other.hash.octets(), hash)) {
                throw reused();
            }
            await(other, deadlineNanos);
        }
    }

    private static void await(Running other, long deadlineNanos) {
        try {
            other.ended.get(Math.max(deadlineNanos - System.nanoTime(), 0), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw unavailable("the request with this idempotency key is still being worked on");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw unavailable("the gateway is stopping");
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    private @Nullable Answer recorded(IdempotencyKey key, byte[] hash) {
        KeyRecord recorded;
        try {
            recorded = spool.keys().find(key);
        } catch (IOException e) {
            log.error("event=injection-key-unreadable", e);
            throw unavailable("the idempotency key can't be looked up");
        }
        if (recorded == null) {
            return null;
        }
        if (!Arrays.equals(recorded.fingerprint(), hash)) {
            throw reused();
        }
        counters.replayed.increment();
        return Answer.json(recorded.answer()).with("Idempotency-Replayed", "true");
    }

    private static Problem reused() {
        return Problem.of(Problem.Kind.KEY_REUSED, "a request with this idempotency key had another body");
    }

    private static Problem unavailable(String detail) {
        return Problem.of(Problem.Kind.UNAVAILABLE, detail).with("Retry-After", RETRY_SECONDS);
    }

    /** One request. Confined to its thread. */
    private final class RequestRun {
        private final InjectionRequest request;
        private final Composer composer;
        private final ClientSession session;
        private final InboundConfig limits;
        private final long deadlineNanos;
        private final String sender;
        private final String senderDomain;
        private final List<@Nullable Recipient> recipients = new ArrayList<>();
        private final List<@Nullable Reply> refusals = new ArrayList<>();
        private final List<@Nullable MessageId> ids = new ArrayList<>();
        private final Client client;
        private final @Nullable Keyed keyed;
        /** Written, and their signatures asked for. */
        private final Deque<Draft> signing = new ArrayDeque<>();
        private final Deque<Draft> committing = new ArrayDeque<>();
        private Decision.Accept mail;

        RequestRun(InjectionRequest request, Composer composer, Client client, String local, InboundConfig limits,
                long deadlineNanos, @Nullable Keyed keyed) {
            this.request = request;
            this.composer = composer;
            Client named = request.pool() == null ? client : client.wanting(request.pool());
            this.client = request.mailClass() == null ? named : named.wanting(request.mailClass());
            this.session = new ClientSession(client.sessionId(), local, client.listener(), tls(client.tls()));
            this.limits = limits;
            this.deadlineNanos = deadlineNanos;
            this.keyed = keyed;
            mail = Decision.ACCEPT;
            Mailbox from = request.sender();
            sender = from == null ? "" : HeaderText.wire(from);
            senderDomain = from == null ? "" : from.domain();
        }

        Answer run() {
            ask(policy.connect(client));
            ask(policy.mail(client, sender, senderDomain, -1));
            askForRoom();
            for (Rcpt recipient : request.recipients()) {
                decide(recipient);
            }
            List<Draft> drafts = drafts();
            if (!drafts.isEmpty()) {
                if (reception.isDraining()) {
                    throw unavailable("the gateway is being drained");
                }
                SpoolHealth.State state = reception.spoolHealth().state();
                if (state != SpoolHealth.State.READY) {
                    throw unavailable(
                            state == SpoolHealth.State.FULL ? "the spool is full" : "the spool takes nothing");
                }
                if (!reception.queueHasRoom()) {
                    throw unavailable("the queue is full");
                }
            }
            Answer answer;
            try {
                answer = keyed == null ? answer(drafts) : answer(drafts, keyed);
            } finally {
                signing.forEach(draft -> Objects.requireNonNull(draft.message).abort());
                drafts.forEach(draft -> draft.memory.close());
            }
            long refused = refusals.stream().filter(Objects::nonNull).count();
            counters.recipientsRefused.add(refused);
            tellOfRefusals();
            return answer;
        }

        private Answer answer(List<Draft> drafts) {
            make(drafts, true);
            return tell(drafts);
        }

        /** The messages become the queue's when the answer is durable, and they with it. */
        private Answer answer(List<Draft> drafts, Keyed key) {
            boolean recorded = false;
            try {
                make(drafts, false);
                Answer answer = tell(drafts);
                while (answer.status() == Answer.OK && !record(key, drafts, answer)) {
                    settle(drafts); // not all that seemed to be kept is
                    answer = tell(drafts);
                }
                recorded = answer.status() == Answer.OK;
                if (recorded) {
                    settle(drafts);
                    drafts.stream().filter(draft -> draft.entries != null).forEach(this::accepted);
                }
                return answer;
            } finally {
                if (!recorded) {
                    key.request.abandon();
                    drafts.forEach(RequestRun::forsake);
                }
            }
        }

        /** No message of the request is kept, and those that were take up no place in their tenant's account. */
        private static void forsake(Draft draft) {
            IncomingMessage message = draft.message;
            if (message != null && draft.entries != null) {
                message.forsake();
            } else if (message != null && draft.commit != null) {
                var _ = draft.commit.thenRun(message::forsake);
            }
        }

        /** @return false when other messages are kept than the answer says */
        private boolean record(Keyed key, List<Draft> drafts, Answer answer) {
            byte[] body = answer.body().octets();
            if (body.length > KeyRecord.MAX_ANSWER) {
                throw Problem.of(Problem.Kind.INVALID, "the answer would be too large to be kept under a key");
            }
            int kept = (int) drafts.stream().filter(Draft::isKept).count();
            try {
                return join(key.request.record(
                        new KeyRecord(key.hash.octets(), body, clock.millis() + key.retention.toMillis()), kept));
            } catch (SpoolException e) {
                log.warn("event=injection-key-unrecorded messages={} why={}", kept, e.getMessage());
                throw unavailable("the idempotency key can't be recorded");
            }
        }

        /** The answer as things stand: a message that waits to be written counts as kept. */
        private Answer tell(List<Draft> drafts) {
            for (Draft draft : drafts) {
                for (int recipient : draft.recipients) {
                    refusals.set(recipient, draft.refusal);
                    ids.set(recipient, draft.id);
                }
            }
            return drafts.stream().anyMatch(Draft::isKept) ? Answer.json(results()) : nothingAccepted();
        }

        private void settle(List<Draft> drafts) {
            for (Draft draft : drafts) {
                if (draft.commit != null) {
                    settle(draft, false);
                }
            }
        }

        /** About the whole request. */
        private void ask(CompletableFuture<Decision> question) {
            switch (question.join()) {
                case Decision.Accept accept -> become(accept);
                case Decision.Refuse(Reply reply) -> {
                    events.on(rejection(reply, List.of(), ""));
                    throw refused(reply);
                }
            }
        }

        /** Whether its tenant may bring more. */
        private void askForRoom() {
            String tenant = policy.tenantAtMail(client, mail);
            Reply beyond = tenant == null || tenant.isEmpty() ? null : reception.refusal(tenant);
            if (beyond != null) {
                events.on(rejection(beyond, List.of(), ""));
                throw beyond.code() == NO_STORAGE ? unavailable(beyond.oneLine()) : refused(beyond);
            }
        }

        private void become(Decision.Accept accept) {
            if (accept.hasNames()) {
                mail = mail.named(accept);
            }
        }

        private static Problem refused(Reply reply) {
            return reply.isTransient()
                    ? Problem.of(Problem.Kind.TOO_MANY, reply.oneLine()).with("Retry-After", RETRY_SECONDS)
                    : Problem.of(Problem.Kind.FORBIDDEN, reply.oneLine());
        }

        private void decide(Rcpt rcpt) {
            Mailbox mailbox = rcpt.mailbox();
            Recipient recipient = null;
            Reply refusal = null;
            if (mailbox == null) {
                refusal = Reply.of(553, "5.1.3", "not an address: " + rcpt.wrong());
            } else {
                recipient = new Recipient(HeaderText.wire(mailbox), mailbox.domain());
                switch (policy.recipient(client, sender, senderDomain, recipient).join()) {
                    case Decision.Accept accept -> become(accept);
                    case Decision.Refuse(Reply reply) -> refusal = reply;
                }
            }
            recipients.add(recipient);
            refusals.add(refusal);
            ids.add(null);
        }

        /**
         * Who gets which message: each his own, or all the same. A recipient who is there again gets nothing more by
         * that, unless another message is filled in for him.
         */
        private List<Draft> drafts() {
            List<Draft> drafts = new ArrayList<>();
            Map<String, Draft> first = new HashMap<>();
            int limit = composer.isPersonal() ? 1 : limits.maxRecipients();
            Draft filling = null;
            for (int i = 0; i < recipients.size(); i++) {
                Recipient recipient = recipients.get(i);
                if (recipient == null || refusals.get(i) != null) {
                    continue;
                }
                String mailbox = policy.mailbox(recipient);
                Draft known = first.get(mailbox);
                if (known != null && isSame(known.recipients.getFirst(), i)) {
                    known.recipients.add(i);
                    continue;
                }
                if (filling == null || filling.to.size() == limit) {
                    filling = new Draft(reception.nextId(), memory.share());
                    drafts.add(filling);
                }
                filling.recipients.add(i);
                filling.to.add(recipient);
                first.putIfAbsent(mailbox, filling);
            }
            return drafts;
        }

        /** Whether the two would get the same text. */
        private boolean isSame(int one, int other) {
            Rcpt a = request.recipients().get(one);
            Rcpt b = request.recipients().get(other);
            return !composer.isFilledIn() || a.name().equals(b.name()) && a.substitutions().equals(b.substitutions());
        }

        /**
         * Makes the messages.
         *
         * @param handOver whether it waits until each is durable or refused, and the durable ones go to the queue at
         *                 once; else the last may still wait to be written
         */
        private void make(List<Draft> drafts, boolean handOver) {
            int ahead = 0;
            int inAdvance = composer.isLarger(LARGE) ? 1 : AHEAD;
            for (int i = 0; i < drafts.size(); i++) {
                while (ahead < drafts.size() && ahead < i + inAdvance
                        && begin(drafts.get(ahead), ahead > i, handOver)) {
                    ahead++;
                }
                Draft draft = drafts.get(i);
                try {
                    byte[] content = join(Objects.requireNonNull(draft.content));
                    draft.content = null;
                    inAdvance = content.length > LARGE ? 1 : AHEAD;
                    write(draft, content);
                    signing.add(draft);
                } catch (RefusedException e) {
                    draft.refusal = e.reply();
                } catch (SpoolException e) {
                    draft.refusal = SpoolReplies.of(e.reason());
                } catch (RuntimeException e) {
                    log.error("event=message-not-made id={}", draft.id, e);
                    draft.refusal = NOT_MADE;
                }
                if (draft.refusal != null) {
                    draft.memory.close();
                }
                boolean last = i + 1 == drafts.size();
                while (!signing.isEmpty() && (last || signing.size() >= AHEAD || isSigned(signing.getFirst()))) {
                    commit(signing.remove());
                }
                while (committing.size() >= COMMITS
                        || !committing.isEmpty() && (handOver && last || isDone(committing.getFirst()))) {
                    settle(committing.remove(), handOver);
                }
            }
        }

        /**
         * Has a message made.
         *
         * @param early whether others are written before it
         * @return false when that has to wait for room
         */
        private boolean begin(Draft draft, boolean early, boolean handOver) {
            long cost = composer.cost();
            boolean room = draft.memory.take(cost);
            if (!room && early) {
                return false;
            }
            while (!room && !(signing.isEmpty() && committing.isEmpty())) { // of its own request's none shall be in its way
                if (committing.isEmpty()) {
                    commit(signing.remove());
                } else {
                    settle(committing.remove(), handOver);
                }
                room = draft.memory.take(cost);
            }
            draft.content = room
                    ? CompletableFuture.supplyAsync(() -> compose(draft), renderers)
                    : CompletableFuture.failedFuture(RenderBudget.noMemory());
            return true;
        }

        private static boolean isSigned(Draft draft) {
            return Objects.requireNonNull(draft.message).sign().isDone();
        }

        private static boolean isDone(Draft draft) {
            return draft.commit != null && draft.commit.isDone();
        }

        /** On a thread of the pool. */
        private byte[] compose(Draft draft) {
            if (System.nanoTime() - deadlineNanos > 0) {
                throw new RefusedException(Reply.of(451, "4.3.0", "Error: the request took too long"));
            }
            return composer.compose(request.recipients().get(draft.recipients.getFirst()), draft.id,
                    Instant.ofEpochMilli(clock.millis()), draft.memory);
        }

        private void write(Draft draft, byte[] composed) {
            List<Recipient> list = List.copyOf(draft.to);
            HeaderSection header = HeaderSection.of(composed);
            List<String> wanted = policy.wantedHeaders();
            Decision decision = policy
                    .message(client, mail, sender, list, header.fields(wanted), composed.length).join();
            switch (decision) {
                case Decision.Refuse(Reply reply) -> throw new RefusedException(reply);
                case Decision.Accept accept -> write(draft, list, header, accept);
            }
        }

        /** Has its signatures begun with, too: those of several messages are made side by side. */
        private void write(Draft draft, List<Recipient> to, HeaderSection header, Decision.Accept accept) {
            byte[] content = header.edited(HeaderEdits.of(policy, accept));
            MemoryContent facts = MemoryContent.of(content);
            boolean utf8 = header.hasEightBit() || needsUtf8(sender)
                    || to.stream().anyMatch(recipient -> needsUtf8(recipient.address()));
            byte[] trace = request.receivedHeader() ? trace(draft.id) : TraceField.NONE;
            IncomingMessage message = keyed == null
                    ? reception.begin(draft.id, trace)
                    : reception.begin(draft.id, trace, keyed.request);
            try {
                for (int at = 0; at < content.length; at += PIECE) {
                    message.write(content, at, Math.min(PIECE, content.length - at));
                    message.writable().join();
                }
                message.address(sender, to, facts.hasEightBit() ? BodyType.EIGHT_BIT_MIME : BodyType.SEVEN_BIT, utf8,
                        accept.tenant() == null ? client.tenant() : accept.tenant(),
                        accept.campaign() == null ? client.campaign() : accept.campaign(),
                        new Origin(PROTOCOL, NetUtil.toSocketAddressString(client.address()), client.helo(),
                                client.identity() == null ? "" : client.identity().name()),
                        Options.NONE.with(accept.judged()), accept.pool() == null ? "" : accept.pool(),
                        accept.mailClass() == null ? MailClass.BULK : accept.mailClass());
                Reply beyond = message.admit();
                if (beyond != null) {
                    throw new RefusedException(beyond);
                }
                draft.memory.keepOnly(content.length);
                if (!draft.memory.take(message.keptToSign())) {
                    throw RenderBudget.noMemory();
                }
                draft.messageId = messageId(content);
                draft.hasDotLines = facts.hasDotLines();
                draft.hasEightBit = facts.hasEightBit();
                draft.message = message;
                var _ = message.sign();
            } catch (RuntimeException | Error e) {
                message.abort();
                throw e;
            }
        }

        /** What counts with a key is committed by this thread alone; a refusal comes out of the commit. */
        private void commit(Draft draft) {
            IncomingMessage message = Objects.requireNonNull(draft.message);
            try {
                message.sign().handle((_, _) -> true).join();
                draft.commit = message.commit(draft.hasDotLines, draft.hasEightBit);
                draft.memory.keepOnly(message.size());
                committing.add(draft);
            } catch (RuntimeException e) {
                message.abort();
                draft.memory.close();
                if (!(e instanceof SpoolException)) {
                    log.error("event=message-not-made id={}", draft.id, e);
                }
                draft.refusal = e instanceof SpoolException spoolFailure
                        ? SpoolReplies.of(spoolFailure.reason())
                        : NOT_MADE;
            }
        }

        private static String messageId(byte[] content) {
            ReceivedCounter header = new ReceivedCounter();
            header.scan(content, 0, content.length);
            return header.messageId();
        }

        private byte[] trace(MessageId id) {
            return TraceField.of(TraceField.start(client.address().getAddress(), hostname), PROTOCOL, id,
                    RFC_5322.format(Instant.ofEpochMilli(clock.millis())));
        }

        private void settle(Draft draft, boolean handOver) {
            CompletableFuture<List<SpoolEntry>> commit = Objects.requireNonNull(draft.commit);
            draft.commit = null; // and with it the content
            try {
                draft.entries = join(commit);
                draft.memory.close();
            } catch (RuntimeException e) {
                draft.refusal = Objects.requireNonNull(draft.message).refusal(e, session);
                return;
            }
            if (handOver) {
                accepted(draft);
            }
        }

        private void accepted(Draft draft) {
            IncomingMessage message = Objects.requireNonNull(draft.message);
            counters.messages.increment();
            counters.octets.add(message.size());
            counters.recipients.add(draft.to.size());
            String notice = message.notice();
            message.handOver(Objects.requireNonNull(draft.entries), session, draft.messageId,
                    draft.id + " queued" + (notice.isEmpty() ? "" : "; " + notice));
        }

        /** Of each reply one event, for all whom it concerns. */
        private void tellOfRefusals() {
            Map<Reply, List<Integer>> refused = new LinkedHashMap<>();
            for (int i = 0; i < refusals.size(); i++) {
                Reply reply = refusals.get(i);
                if (reply != null) {
                    refused.computeIfAbsent(reply, _ -> new ArrayList<>()).add(i);
                }
            }
            refused.forEach((reply, places) -> {
                Recipient first = recipients.get(places.getFirst());
                events.on(rejection(reply,
                        places.stream().map(place -> request.recipients().get(place).email()).toList(),
                        first == null ? "" : first.domain()));
            });
        }

        private MessageEvent rejection(Reply reply, List<String> whom, String domain) {
            long now = clock.millis();
            EnhancedStatus status = reply.status();
            return new MessageEvent(MessageEvent.Type.REJECTION, MessageEvent.NO_ID, sender, whom, domain,
                    client.tenant(), client.campaign(), "", 0,
                    new MessageEvent.Response(reply.code(), status == null ? "" : status.toString(), reply.text(), ""),
                    new MessageEvent.Peer(client.helo(), NetUtil.toSocketAddressString(client.address())),
                    session.local(), now, now, 0, PROTOCOL, session.id(), session.tls(),
                    new MessageEvent.Client(client.identity() == null ? "" : client.identity().name(), client.helo(),
                            session.listener(), ""));
        }

        private static MessageEvent.@Nullable Tls tls(String protocolAndCipher) {
            int space = protocolAndCipher.indexOf(' ');
            return space < 0
                    ? null
                    : new MessageEvent.Tls(protocolAndCipher.substring(0, space),
                            protocolAndCipher.substring(space + 1));
        }

        /** Of several kinds of reasons, the one that may pass decides the status. */
        private Answer nothingAccepted() {
            Reply reply = Objects.requireNonNull(refusals.getFirst());
            boolean mayPass = refusals.stream().anyMatch(other -> other != null && other.isTransient());
            int status = mayPass ? 503 : refusals.stream().allMatch(Injector::isPolicy) ? 403 : 422;
            Answer answer = new Answer(status, Answer.PROBLEM, Map.of(),
                    new Answer.Body(body(status == 503
                            ? Problem.Kind.UNAVAILABLE
                            : status == 403 ? Problem.Kind.FORBIDDEN : Problem.Kind.INVALID,
                            "no recipient was accepted; the first: " + reply.oneLine())));
            return status == 503 ? answer.with("Retry-After", RETRY_SECONDS) : answer;
        }

        private byte[] results() {
            return body(null, "");
        }

        /** As KumoMTA tells them. */
        private void failures(JsonGenerator json) {
            json.writeName("failed_recipients");
            json.writeStartArray();
            for (int i = 0; i < refusals.size(); i++) {
                if (refusals.get(i) != null) {
                    json.writeString(request.recipients().get(i).email());
                }
            }
            json.writeEndArray();
            json.writeName("errors");
            json.writeStartArray();
            for (int i = 0; i < refusals.size(); i++) {
                Reply refusal = refusals.get(i);
                if (refusal != null) {
                    json.writeString(request.recipients().get(i).email() + ": " + refusal.oneLine());
                }
            }
            json.writeEndArray();
        }

        private byte[] body(Problem.@Nullable Kind kind, String detail) {
            ByteArrayOutputStream out = new ByteArrayOutputStream(256 + 128 * recipients.size());
            int failed = (int) refusals.stream().filter(Objects::nonNull).count();
            try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), out)) {
                json.writeStartObject();
                if (kind != null) {
                    json.writeStringProperty("type", kind.type());
                    json.writeStringProperty("title", kind.title());
                    json.writeNumberProperty("status", kind.status());
                    json.writeStringProperty("detail", detail);
                }
                json.writeNumberProperty("success_count", recipients.size() - failed);
                json.writeNumberProperty("fail_count", failed);
                if (kind == null) {
                    failures(json);
                }
                json.writeName("recipients");
                json.writeStartArray();
                for (int i = 0; i < refusals.size(); i++) {
                    result(json, request.recipients().get(i).email(), ids.get(i), refusals.get(i));
                }
                json.writeEndArray();
                json.writeEndObject();
            }
            return out.toByteArray();
        }
    }

    private static void result(JsonGenerator json, String email, @Nullable MessageId id, @Nullable Reply refusal) {
        json.writeStartObject();
        json.writeStringProperty("email", email);
        if (refusal == null) {
            json.writeStringProperty("status", "accepted");
            json.writeStringProperty("message_id", String.valueOf(id));
        } else {
            EnhancedStatus enhanced = refusal.status();
            json.writeStringProperty("status", "refused");
            json.writeName("error");
            json.writeStartObject();
            json.writeNumberProperty("code", refusal.code());
            json.writeStringProperty("enhanced", enhanced == null ? "" : enhanced.toString());
            json.writeStringProperty("text", refusal.text());
            json.writeEndObject();
        }
        json.writeEndObject();
    }

    /** Security or policy status (RFC 3463 3.8), or a mailbox that isn't (3.2). */
    private static boolean isPolicy(@Nullable Reply reply) {
        return reply != null && (reply.code() == 550 || reply.code() == 554)
                && String.valueOf(reply.status()).startsWith("5.7.");
    }

    private static boolean needsUtf8(String address) {
        return !HeaderText.isPlain(address);
    }

    /** What the future gives, or the exception it failed with as it is. */
    private static <T extends @Nullable Object> T join(CompletableFuture<T> future) {
        try {
            return future.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw e;
        }
    }
}
