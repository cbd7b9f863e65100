package dev.penstock.mime;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Base64;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.message.Content;
import dev.penstock.message.MemoryContent;

/** What becomes of content for a host without 8BITMIME (RFC 6152 3), in examples. */
class ConversionTest {
    private static final String HEAD = "Subject: x\r\nMIME-Version: 1.0\r\n";

    private static Content content(String text) {
        return MemoryContent.of(text.getBytes(ISO_8859_1));
    }

    private static String read(Content content) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        content.forEachChunk(out::write);
        assertThat(content.size()).isEqualTo(out.size());
        return out.toString(ISO_8859_1);
    }

    private static String converted(String text) throws IOException {
        Conversion conversion = Conversion.of(content(text));
        assertThat(conversion).isInstanceOf(Conversion.Converted.class);
        Content content = ((Conversion.Converted) conversion).content();
        assertThat(content.hasEightBit()).isFalse();
        String all = read(content);
        assertThat(US_ASCII.newEncoder().canEncode(all)).as(all).isTrue();
        assertThat(read(content)).isEqualTo(all); // as often as it is asked for
        return all;
    }

    private static String refusal(String text) throws IOException {
        Conversion conversion = Conversion.of(content(text));
        assertThat(conversion).isInstanceOf(Conversion.Impossible.class);
        return ((Conversion.Impossible) conversion).why();
    }

    @Test
    void textBecomesQuotedPrintableAndNothingElseInItsHeaderChanges() throws Exception {
        assertThat(converted("""
                Subject:  odd   spaces\r
                mime-version: 1.0 (by hand)\r
                content-transfer-encoding:\r
                 8BIT\r
                Content-Type: text/plain;\r
                \tcharset="iso-8859-1"\r
                \r
                Gr\u00fc\u00dfe = 1 \r
                .\r
                plain\r
                """)).isEqualTo("""
                Subject:  odd   spaces\r
                mime-version: 1.0 (by hand)\r
                Content-Transfer-Encoding: quoted-printable\r
                Content-Type: text/plain;\r
                \tcharset="iso-8859-1"\r
                \r
                Gr=FC=DFe =3D 1=20\r
                =2E\r
                plain\r
                """);
    }

    @Test
    void partsThatAreSevenBitStayOctetByOctet() throws Exception {
        String converted = converted(HEAD + """
                Content-Type: multipart/mixed; boundary="b b"\r
                Content-Transfer-Encoding: 8bit\r
                \r
                before \u00e4\r
                --b b  \r
                \r
                plain = as it was \r
                --b b\r
                Content-Type: application/json\r
                Content-Transfer-Encoding: 8bit\r
                \r
                {"a": "\u00e4"}\r
                --b b--\t\r
                after\r
                """);
        assertThat(converted).isEqualTo(HEAD + """
                Content-Type: multipart/mixed; boundary="b b"\r
                Content-Transfer-Encoding: 7bit\r
                \r
                before ?\r
                --b b  \r
                \r
                plain = as it was \r
                --b b\r
                Content-Type: application/json\r
                Content-Transfer-Encoding: base64\r
                \r
                """ + Base64.getEncoder().encodeToString("{\"a\": \"\u00e4\"}".getBytes(ISO_8859_1)) + """
                \r
                --b b--\t\r
                after\r
                """);
    }

    @Test
    void messagesInMessagesAreConvertedWithin() throws Exception {
        assertThat(converted(HEAD + """
                Content-Type: message/rfc822\r
                Content-Transfer-Encoding: 8bit\r
                \r
                Subject: inner\r
                MIME-Version: 1.0\r
                Content-Transfer-Encoding: 8bit\r
                Content-Type: text/html\r
                \r
                \u00e4\r
                """)).contains("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n")
                .endsWith("Content-Transfer-Encoding: quoted-printable\r\nContent-Type: text/html\r\n\r\n=E4\r\n");
    }

    @Test
    void whatNamesNoEncodingGetsOneAndWhatIsNoMimeBecomesIt() throws Exception {
        assertThat(converted("Subject: old\r\n\r\n\u00e4\r\n")).isEqualTo("""
                Subject: old\r
                MIME-Version: 1.0\r
                Content-Type: text/plain; charset=unknown-8bit\r
                Content-Transfer-Encoding: quoted-printable\r
                \r
                =E4\r
                """);
        assertThat(converted(HEAD + "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\u00e4\r\n"))
                .isEqualTo(HEAD + "Content-Type: text/plain; charset=iso-8859-1\r\n"
                        + "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n");
    }

    @Test
    void theLinesOfADigestAreOfMessages() throws Exception {
        assertThat(converted(HEAD + "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in it\r\n"
                + "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\u00e4\r\n--b--\r\n"))
                .contains("Subject: in it\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
                        + "=E4\r\n--b--");
    }

    @Test
    void anOuterDelimiterEndsWhatWasLeftOpenInside() throws Exception {
        assertThat(converted(HEAD + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
                + "Content-Type: multipart/mixed; boundary=o1\r\n\r\n--o1\r\n\r\n\u00e4\r\n--o\r\n\r\nplain=\r\n--o--\r\n"))
                .endsWith("""
                        --o1\r
                        Content-Transfer-Encoding: quoted-printable\r
                        \r
                        =E4\r
                        --o\r
                        \r
                        plain=\r
                        --o--\r
                        """);
    }

    @Test
    void aBoundaryThatComesInPiecesOfRfc2231IsPutTogether() throws Exception {
        assertThat(converted(HEAD + "Content-Type: multipart/mixed; (why not) boundary*0=ab; boundary*1=cd\r\n\r\n"
                + "--abcd\r\n\r\n\u00e4\r\n--abcd--\r\n")).contains("quoted-printable\r\n\r\n=E4\r\n--abcd--");
    }

    @Test
    void noLineOfLongTextIsLongerThan76OrTakenForADelimiter() throws Exception {
        String line = "x".repeat(75) + "--b" + " \u00e4".repeat(5_000) + " ";
        String converted = converted(HEAD + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + line
                + "\r\n--b--\r\n");
        assertThat(converted.lines()).allMatch(each -> each.length() <= 76).filteredOn(each -> each.startsWith("--b"))
                .containsExactly("--b", "--b--");
    }

    @ParameterizedTest
    @ValueSource(strings = {"DKIM-Signature", "ARC-Seal", "ARC-Message-Signature", "DomainKey-Signature"})
    void whatIsSignedIsNotConverted(String field) throws IOException {
        String name = field.startsWith("ARC") ? "ARC seal" : "DKIM signature";
        assertThat(refusal(field + ": v=1;\r\n b=x\r\n" + HEAD + "\r\n\u00e4\r\n"))
                .isEqualTo("converted it would break its " + name);
        assertThat(refusal(HEAD + "Content-Type: message/rfc822\r\n\r\n" + field.toUpperCase(java.util.Locale.ROOT)
                + ": v=1\r\n\r\n\u00e4\r\n")).isEqualTo("converted it would break its " + name);
    }

    @Test
    void ofASignedPartOnlyTheOthersAreConverted() throws Exception {
        String signed = """
                Content-Type: multipart/signed; boundary=s\r
                \r
                --s\r
                \r
                %s\r
                --s\r
                Content-Type: application/pgp-signature\r
                \r
                signature\r
                --s--\r
                """;
        assertThat(refusal(HEAD + signed.formatted("\u00e4"))).isEqualTo("converted it would break its signature");
        String beside = HEAD + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n" + signed.formatted("plain")
                + "--o\r\n\r\n%s\r\n--o--\r\n";
        assertThat(converted(beside.formatted("\u00e4"))).contains(signed.formatted("plain")).contains("\r\n=E4\r\n");
    }

    @Test
    void whatNoEncodingMayBeNamedForIsNotConverted() throws Exception {
        assertThat(refusal("Subject: \u00e4\r\n\r\nplain\r\n")).isEqualTo("a header field has 8-bit octets");
        assertThat(refusal(HEAD + "Content-Type: message/rfc822\r\n\r\nSubject: \u00e4\r\n\r\nx\r\n"))
                .isEqualTo("a header field has 8-bit octets");
        assertThat(refusal(HEAD + "Content-Transfer-Encoding: base64\r\n\r\n\u00e4\r\n"))
                .isEqualTo("a part with 8-bit octets is encoded as base64");
        assertThat(refusal(HEAD + "Content-Transfer-Encoding: x-own\r\n\r\n\u00e4\r\n"))
                .isEqualTo("a part with 8-bit octets is encoded as x-own");
        assertThat(refusal(HEAD + "Content-Type: message/partial; id=1\r\n\r\n\u00e4\r\n"))
                .isEqualTo("a part of type message/partial may not be encoded");
        assertThat(refusal(HEAD + "Content-Type: multipart/mixed\r\n\r\n\u00e4\r\n"))
                .isEqualTo("a multipart has no boundary");
        String parts = HEAD + "Content-Type: multipart/mixed; boundary=b\r\n\r\n\u00e4\r\n%s\r\n\r\nx\r\n";
        assertThat(refusal(parts.formatted("--other"))).isEqualTo("a multipart has no part");
        assertThat(converted(parts.formatted("--b"))).contains("\r\n?\r\n--b\r\n");
        assertThat(refusal("no header, \u00e4\r\n")).isEqualTo("a header is broken");
    }

    @Test
    void contentThatIsMadeToBeHardIsRefusedInBoundedRoom() throws Exception {
        assertThat(refusal(HEAD + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "--b\r\n\r\n".repeat(20_000)
                + "\u00e4\r\n")).isEqualTo("it has too many parts");
        assertThat(refusal("Content-Type: message/rfc822\r\n\r\n".repeat(1_000) + "\r\n\u00e4\r\n"))
                .isEqualTo("its parts are nested too deep");
        assertThat(refusal(HEAD + "Content-Type: text/plain;\r\n" + " x=y;\r\n".repeat(10_000) + "\r\n\u00e4\r\n"))
                .isEqualTo("a header is broken");
    }
}
