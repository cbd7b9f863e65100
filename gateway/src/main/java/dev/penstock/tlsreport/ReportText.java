package dev.penstock.tlsreport;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.Map;
import java.util.zip.GZIPOutputStream;

import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

import dev.penstock.tls.TlsResult;
import dev.penstock.tls.TlsResult.Policy;

/** Reports as files and as mail (RFC 8460 4.4, 5.1, 5.3). Pure functions. */
final class ReportText {
    private static final JsonFactory FACTORY = JsonFactory.builder().build();
    private static final int LINE = 76; // RFC 2045 6.8
    private static final byte[] CRLF = {'\r', '\n'};

    private ReportText() {}

    /** Of what, by whom. */
    record Subject(String submitter, String contact, String domain, LocalDate day) {
        long begin() {
            return day.atStartOfDay(ZoneOffset.UTC).toEpochSecond();
        }

        long end() {
            return day.plusDays(1).atStartOfDay(ZoneOffset.UTC).toEpochSecond() - 1;
        }

        String id() {
            return day + "_" + domain + "@" + submitter;
        }

        /** RFC 8460 5.1. */
        String file() {
            return submitter + "!" + domain + "!" + begin() + "!" + end() + ".json.gz";
        }
    }

    static byte[] json(Subject subject, Map<Policy, DayCounts.Tally> policies) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = FACTORY.createGenerator(ObjectWriteContext.empty(), text)) {
            json.writeStartObject();
            json.writeStringProperty("organization-name", subject.submitter);
            json.writeName("date-range");
            json.writeStartObject();
            json.writeStringProperty("start-datetime", time(subject.begin()));
            json.writeStringProperty("end-datetime", time(subject.end()));
            json.writeEndObject();
            json.writeStringProperty("contact-info", subject.contact);
            json.writeStringProperty("report-id", subject.id());
            json.writeName("policies");
            json.writeStartArray();
            policies.forEach((policy, tally) -> write(json, subject.domain, policy, tally));
            json.writeEndArray();
            json.writeEndObject();
        }
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void write(JsonGenerator json, String domain, Policy policy, DayCounts.Tally tally) {
        json.writeStartObject();
        json.writeName("policy");
        json.writeStartObject();
        json.writeStringProperty("policy-type", policy.kind().toString());
        if (policy.kind() != TlsResult.Kind.NO_POLICY_FOUND) {
            array(json, "policy-string", policy.lines());
        }
        json.writeStringProperty("policy-domain", domain);
        if (!policy.hosts().isEmpty()) {
            array(json, "mx-host", policy.hosts());
        }
        json.writeEndObject();
        json.writeName("summary");
        json.writeStartObject();
        json.writeNumberProperty("total-successful-session-count", tally.successes);
        json.writeNumberProperty("total-failure-session-count", tally.failed());
        json.writeEndObject();
        if (!tally.failures.isEmpty()) {
            json.writeName("failure-details");
            json.writeStartArray();
            tally.failures.forEach((kind, count) -> {
                json.writeStartObject();
                json.writeStringProperty("result-type", kind.type());
                optional(json, "sending-mta-ip", kind.source());
                optional(json, "receiving-mx-hostname", kind.host());
                optional(json, "receiving-ip", kind.address());
                json.writeNumberProperty("failed-session-count", count.number);
                json.writeStringProperty("failure-reason-code", count.reason);
                json.writeEndObject();
            });
            json.writeEndArray();
        }
        json.writeEndObject();
    }

    private static void array(JsonGenerator json, String name, Iterable<String> texts) {
        json.writeName(name);
        json.writeStartArray();
        texts.forEach(json::writeString);
        json.writeEndArray();
    }

    private static void optional(JsonGenerator json, String name, String text) {
        if (!text.isEmpty()) {
            json.writeStringProperty(name, text);
        }
    }

    private static String time(long seconds) {
        return Instant.ofEpochSecond(seconds).toString();
    }

    static byte[] gzip(byte[] octets) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(octets.length / 2);
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(octets);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    /** A whole message with the report, to be sent whatever TLS comes to (RFC 8689 3: TLS-Required). */
    static byte[] mail(Subject subject, String to, String messageId, ZonedDateTime now, byte[] gzipped) {
        String boundary = "=_tlsrpt/" + messageId;
        ByteArrayOutputStream out = new ByteArrayOutputStream(gzipped.length * 3 / 2 + 2_000);
        out.writeBytes(("From: <" + subject.contact + ">\r\n"
                + "To: <" + to + ">\r\n"
                + "Subject: Report Domain: " + subject.domain + "\r\n Submitter: " + subject.submitter
                + "\r\n Report-ID: <" + subject.id() + ">\r\n"
                + "Date: " + DateTimeFormatter.RFC_1123_DATE_TIME.format(now) + "\r\n"
                + "Message-ID: <" + messageId + "@" + subject.submitter + ">\r\n"
                + "TLS-Report-Domain: " + subject.domain + "\r\n"
                + "TLS-Report-Submitter: " + subject.submitter + "\r\n"
                + "TLS-Required: No\r\n"
                + "Auto-Submitted: auto-generated\r\n"
                + "MIME-Version: 1.0\r\n"
                + "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"" + boundary + "\"\r\n\r\n"
                + "--" + boundary + "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
                + "This is a report about TLS with the mail hosts of " + subject.domain + "\r\non " + subject.day
                + " (UTC), as RFC 8460 describes it.\r\n\r\n"
                + "--" + boundary + "\r\nContent-Type: application/tlsrpt+gzip\r\n"
                + "Content-Transfer-Encoding: base64\r\n"
                + "Content-Disposition: attachment;\r\n filename=\"" + subject.file() + "\"\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        out.writeBytes(Base64.getMimeEncoder(LINE, CRLF).encode(gzipped));
        out.writeBytes(("\r\n--" + boundary + "--\r\n").getBytes(StandardCharsets.US_ASCII));
        return out.toByteArray();
    }
}
