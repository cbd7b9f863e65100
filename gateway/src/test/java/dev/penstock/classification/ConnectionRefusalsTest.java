package dev.penstock.classification;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRules;
import dev.penstock.config.ReplyScope;
import dev.penstock.smtp.Reply;

/** Replies as receivers give them, each behind the place it was read at: source text, manuals, logs, others' rules. */
final class ConnectionRefusalsTest {
    private static final Classifier SHIPPED = new Classifier(ReplyRules.shipped().rules());
    private static final List<Said> OF_CONNECTIONS = rows("""
            Postfix, smtpd.c                 | 421 4.7.0 mx.example.com Error: too many connections from 192.0.2.1
            Postfix, smtpd.c                 | 454 4.7.0 Error: too many new TLS sessions from 192.0.2.1
            Postfix, postscreen.c            | 421 4.7.0 mx.example.com Error: too many connections
            Postfix, postscreen.c            | 421 4.3.2 All server ports are busy
            Proofpoint Essentials, log       | 421 4.3.2 All screening ports are busy
            a guide to Postfix's anvil       | 450 4.7.1 Error: too many connections from 192.0.2.1
            Exim, smtp_in.c                  | 421 mx.example.com: Too many concurrent SMTP connections; please try again later.
            Exim, smtp_in.c                  | 421 Too many concurrent SMTP connections from this IP address; please try again later.
            MailCleaner, log                 | 421 Too many concurrent SMTP connections from this IP address; please try again later.
            Sendmail 8.8, daemon.c           | 421 Too many SMTP sessions for this host
            Sendmail 8.10, daemon.c          | 421 4.4.5 Too many SMTP sessions for this host
            Sendmail, history of daemon.c    | 421 Too many sessions for this host
            Sendmail, conncontrol.m4         | 421 4.3.2 Too many open connections.
            Sendmail, ratecontrol.m4         | 421 4.3.2 Connection rate limit exceeded.
            Sisimai, sample of 452           | 452 4.3.2 Connection rate limit exceeded. (in reply to MAIL FROM command)
            Exchange, SmtpResponse           | 421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel
            Exchange, SmtpResponse           | 421 4.3.2 The maximum number of concurrent server connections has exceeded a limit, closing transmission channel
            Exchange, sample of 451          | 451 4.3.2 The maximum number of concurrent connections has exceeded a limit
            Outlook.com, spamresource.com    | 451 4.7.652 The mail server [192.0.2.1] has exceeded the maximum number of connections. (S3115)
            Outlook.com, KumoMTA's rules     | 421 Connection refused from 192.0.2.1 due to exceed max concurrent connections. IB007
            Microsoft, Sisimai               | 421 Too many connections from your host.
            IronPort, Momentum's manual      | 421 #4.4.5 Too many connections from your host
            Momentum, its list of replies    | 421 4.4.5 Service unavailable, concurrency limit reached
            Contactlab, its documentation    | 421 4.4.5 Service unavailable, concurrency limit reached
            Symantec, knowledge base         | 421 4.7.0 Too many concurrent connections
            Yahoo, as operators quote it     | 421 4.7.1 Too many concurrent connections from 192.0.2.1
            Amazon SES, developer guide      | 421 Too many concurrent SMTP connections
            Mailtrap, examples               | 421 4.4.5 Too many concurrent connections
            KumoMTA, smtp_server.rs          | 421 4.3.2 mx.example.com too many concurrent sessions. Try later
            Haraka, plugin limit             | 421 Too many concurrent connections
            nodemailer's smtp-server         | 421 Too many connected clients, try again in a moment
            VPOP3, its wiki                  | 421 4.3.2 VPOP3 Too many connections from your IP address - try later
            smtpf (BarricadeMX), its source  | 421 4.4.5 client mx.example.com [192.0.2.1] connections 31 exceed 30/60s
            ipsvd and qmail, its examples    | 421 per host concurrency limit reached
            an MTA on GitHub, max_sessions   | 421 4.7.0 Too many connections
            an MTA on GitHub, admitListener  | 421 4.7.0 Too many connections, try again later
            an MTA on GitHub, by address     | 421 4.7.1 Too many connections from your IP
            an MTA on GitHub, Rust           | 421 4.3.2 Connection limit
            a course's MTA                   | 421 Maximum connections of 100 reached. You will be disconnected.
            Orange, Sisimai                  | 421 mwinf5c79 ME Trop de connexions, veuillez verifier votre configuration. OFR005_104 [104]
            Orange, Sisimai                  | 421 Too many connections, slow down. OFR005_104 [104]
            Laposte, Sisimai                 | 421 Too many connections, slow down. LPN105_104
            GMX and web.de, KumoMTA's rules  | 421 Too many connections
            NetEase, its list of codes       | 421 HL:ICC
            NetEase, a client's constants    | 421 4.4.5 HL:ICC
            Cox, postmaster page             | 421 cmsmtp 192.0.2.1 blocked. Refer to Error Codes section for more information. AUP#CXCNCT
            Comcast, Sisimai                 | 421 Too many sessions opened
            Charter, suped.com               | 421 Server is not currently available, possibly due to too many connections
            One Communications, a forum      | 451 Too many connections received this hour from 192.0.2.1
            SendGrid, Sisimai                | 450 no IPs available - [198.51.100.1] exceeds per-domain connection limit for example.com
            SendGrid, Sisimai                | 450 All available IPs are at maximum connection limit
            QQ, KumoMTA's rules              | 550 Connection frequency limited
            """);

    private static final List<Said> OF_OTHER_THINGS = rows("""
            Postfix, smtpd.c                 | 421 4.7.0 mx.example.com Error: too many errors
            Postfix, smtpd.c                 | 452 4.5.3 Error: too many recipients
            Postfix, smtpd.c                 | 450 4.7.1 Error: too many recipients from 192.0.2.1
            Postfix, smtpd.c                 | 450 4.7.1 Error: too much mail from 192.0.2.1
            Postfix, smtpd.c                 | 554 5.4.0 Error: too many hops
            Postfix, smtpd.c                 | 421 4.4.2 mx.example.com Error: timeout exceeded
            Postfix, postscreen.c            | 421 4.3.2 No system resources
            Postfix, check_client_access     | 451 4.7.1 <mx.example.jp[192.0.2.3]>: Client host rejected: Please try again slower
            Sendmail, srvrsmtp.c             | 421 4.7.0 mx.example.com Too many bad commands; closing connection
            Sendmail, srvrsmtp.c             | 452 4.5.3 Too many recipients
            Sendmail, srvrsmtp.c             | 554 5.4.6 Too many hops 26 (25 max)
            Exim, smtp_in.c                  | 421 mx.example.com: SMTP command timeout - closing connection
            Exim, smtp_in.c                  | 452 too many recipients
            an LMTP server on GitHub         | 421 4.7.1 Too many messages on this connection
            an MTA on GitHub, AUTH           | 421 4.7.1 Too many failed authentication attempts. Try again later.
            Momentum's manual                | 421 #4.x.2 Too many messages for this session
            IIS, log                         | 421 Too many errors on this connection---closing
            Netvigator, KumoMTA's rules      | 421 Too many messages for this session
            Comcast, Sisimai                 | 452 Too many emails sent on this session
            Comcast, Sisimai                 | 421 4.1.0 192.0.2.1 Throttled - try again later. Please see smtp-error-codes.php#RL000003
            Free, Sisimai                    | 421 Too many errors from your ip
            a relay, Sisimai                 | 452 Your message could not be delivered due to too many invalid recipients
            Yahoo, KumoMTA's rules           | 421 Max message per connection reached, closing transmission channel
            Yahoo, KumoMTA's rules           | 421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints
            Outlook.com, KumoMTA's rules     | 451 The mail server [192.0.2.1] has exceeded maximum number of messages per connection
            Outlook.com                      | 451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. (S775)
            Outlook.com                      | 451 4.7.500 Server busy. Please try again later from [192.0.2.1].
            Gmail                            | 421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address.
            Gmail                            | 421 4.7.0 Try again later, closing connection.
            Gmail                            | 421 4.4.5 Server busy, try again later.
            Gmail                            | 450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered.
            Gmail                            | 452 4.2.2 The recipient's inbox is out of storage space.
            Gmail                            | 452 4.5.3 Your message has too many recipients.
            Gmail                            | 454 4.7.0 Too many login attempts, please try again later.
            Apple, KumoMTA's rules           | 421 [HCM1] Your mail from 192.0.2.1 was deferred.
            NetEase, its list of codes       | 421 HL:IFC
            NetEase, its list of codes       | 450 MI:DMC
            QQ, KumoMTA's rules              | 550 Ip frequency limited
            AOL, log                         | 421 4.7.1 : (DYN:T1) postmaster.info.aol.com/errors/421dynt1.html
            Orange, Sisimai                  | 550 mwinf5c10 ME Service refuse. Veuillez essayer plus tard. OFR006_103 192.0.2.1 [103]
            a reputation filter, Sisimai     | 550 Connections from mx.example.jp (192.0.2.2) are being rejected due to a poor email reputation score.
            a PTR check, Sisimai             | 550 5.7.1 Connections not accepted from servers without a valid sender domain. Fix reverse DNS for 203.0.113.2
            Postgrey                         | 450 4.2.0 Greylisted, see postgrey.schweikert.ch/help/example.com.html
            Dovecot                          | 452 4.2.2 Mailbox is full
            nobody's, but near to one        | 421 4.7.0 Maximum messages per connection limit reached
            nobody's, but near to one        | 421 4.4.2 Maximum connection time exceeded
            GMX, log                         | 421 gmx.net Service closing transmission channel - command timeout
            mail-fwdt.wh.ocn.ne.jp, log      | 421 Server Temporarily unavailable
            """);

    @Test
    void aRefusalOfOneMoreConnectionIsKnownByItsWords() {
        assertThat(OF_CONNECTIONS).hasSizeGreaterThanOrEqualTo(40)
                .allSatisfy(said -> assertThat(isOne(said.text())).as(said.toString()).isTrue());
    }

    @Test
    void limitsOfOtherThingsAreNotTakenForOne() {
        assertThat(OF_OTHER_THINGS).hasSizeGreaterThanOrEqualTo(20)
                .allSatisfy(said -> assertThat(isOne(said.text())).as(said.toString()).isFalse());
    }

    @Test
    void itIsKnownAcrossLinesAndInAnyCase() {
        assertThat(isOne("mx.example.com TOO MANY\t CONNECTIONS")).isTrue();
        assertThat(isOne("Too many concurrent, open SMTP-connections")).isTrue();
        assertThat(isOne("")).isFalse();
    }

    private static boolean isOne(String text) {
        return SHIPPED.classify(ReplyPhase.GREETING, Reply.of(421, "", text), "").scope() == ReplyScope.CONNECTIONS;
    }

    private static List<Said> rows(String table) {
        return Arrays.stream(table.split("\n")).map(row -> {
            int bar = row.indexOf('|');
            return new Said(row.substring(0, bar).strip(), row.substring(bar + "| 421 ".length()).strip());
        }).toList();
    }

    private record Said(String source, String text) {}
}
