package dev.penstock.inbound;

import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.smtp.Command;
import dev.penstock.smtp.CommandParser;
import dev.penstock.smtp.Reply;

/**
 * A command line: what it says, whether it may be said now, and which stage it is for. Confined to the session's event
 * loop.
 */
final class CommandStage {
    private static final Logger log = LoggerFactory.getLogger(CommandStage.class);

    /** line_length_limit of Postfix; RFC 5321 4.5.3.1.4 wants 512 and what extensions add. */
    static final int MAX_LINE = 2048;

    private static final Verdict CANNOT_VERIFY = new Verdict.Junk(Replies.CANNOT_VERIFY); // RFC 5321 3.5.3
    private static final Verdict HELP = new Verdict.Junk(Replies.HELP);
    private static final Verdict BYE = new Verdict.Goodbye(Replies.BYE, false);

    private final StageView session;
    private final SmtpServer server;
    private final ClientFacts facts;
    private final ClientAccount account;
    private final HelloStage hello;
    private final EnvelopeStage envelope;
    private final ContentStage content;
    private final Rejections rejections;
    private @Nullable Authentication authentication; // from the first AUTH on

    CommandStage(StageView session, SmtpServer server, ClientFacts facts, ClientAccount account, ContentStage content,
            Rejections rejections) {
        this.session = session;
        this.server = server;
        this.facts = facts;
        this.account = account;
        this.hello = new HelloStage(session, server, facts, account);
        this.envelope = new EnvelopeStage(session, server, facts, account);
        this.content = content;
        this.rejections = rejections;
    }

    /** Octets of a line without CRLF, of which none is read that is longer. */
    int maxLine() {
        return Authentication.isPossible(facts, session.settings()) ? Authentication.MAX_LINE : MAX_LINE;
    }

    /**
     * Executes a line.
     *
     * @param length    without CRLF
     * @param moreInput whether the client has sent something behind it already
     */
    Verdict line(byte[] in, int offset, int length, boolean moreInput) {
        Settings settings = session.settings();
        if (length > MAX_LINE && !(length <= Authentication.MAX_LINE && Authentication.isPossible(facts, settings)
                && Authentication.isAuth(in, offset))) {
            return new Verdict.Fail(Replies.COMMAND_TOO_LONG);
        }
        Command command = CommandParser.parse(in, offset, length);
        rejections.asked(command, session.transaction());
        if (facts.tls == null && settings.requiresTls() && HelloStage.needsTls(command)) {
            return command instanceof Command.Bdat(long size, boolean last)
                    ? content.beginChunk(size, last, Replies.TLS_FIRST) // what follows it is no command
                    : new Verdict.Fail(Replies.TLS_FIRST); // RFC 3207 4
        }
        if (moreInput && mustBeLast(command)) {
            server.counters().outOfStep.increment();
            account.error();
            return new Verdict.Goodbye(server.replies().outOfStep, true);
        }
        return switch (command) {
            case Command.Ehlo(String name) -> hello.hello(name, true);
            case Command.Helo(String name) -> hello.hello(name, false);
            case Command.StartTls() -> hello.startTls();
            case Command.Auth auth -> authentication().begin(auth);
            case Command.Xclient(Map<String, String> attributes) -> hello.xclient(attributes);
            case Command.Mail mail -> envelope.mail(mail);
            case Command.Rcpt rcpt -> envelope.rcpt(rcpt);
            case Command.Data() -> content.beginData();
            case Command.Bdat(long size, boolean last) -> content.beginChunk(size, last, null);
            case Command.Rset() -> Verdict.RESET;
            case Command.Noop() -> Verdict.OK;
            case Command.Vrfy _ -> CANNOT_VERIFY;
            case Command.Help _ -> HELP;
            case Command.Quit() -> BYE;
            case Command.NotImplemented _ -> new Verdict.Fail(Replies.NOT_IMPLEMENTED);
            case Command.Foreign(String verb) -> {
                server.counters().foreignCommands.increment();
                account.error();
                log.info("event=foreign-protocol session={} client={} verb={}", session.id(), facts.remote, verb);
                yield new Verdict.Goodbye(server.replies().foreign, true); // there is always more
            }
            case Command.Unrecognized() -> new Verdict.Fail(Replies.NOT_RECOGNIZED);
            case Command.Malformed(Reply reply) -> reply.code() == 521
                    ? new Verdict.Goodbye(reply.encode(), true) // after a wrong BDAT nobody knows what is a command
                    : new Verdict.Fail(reply.encode());
        };
    }

    /** Executes a line of a SASL exchange. */
    Verdict response(byte[] in, int offset, int length) {
        return authentication().response(in, offset, length);
    }

    /**
     * Whether nothing may follow a command before its reply (RFC 2920 3.1). What does would be taken for something it
     * perhaps isn't, so the session ends (smtpd_forbid_unauth_pipelining of Postfix). AUTH is among them by RFC 4954 4, and
     * what follows STARTTLS in the clear is never executed.
     */
    private static boolean mustBeLast(Command command) {
        return command instanceof Command.Ehlo || command instanceof Command.Helo || command instanceof Command.StartTls
                || command instanceof Command.Auth || command instanceof Command.Xclient
                || command instanceof Command.Data;
    }

    private Authentication authentication() {
        Authentication known = authentication;
        if (known == null) {
            known = new Authentication(session, server, facts);
            authentication = known;
        }
        return known;
    }
}
