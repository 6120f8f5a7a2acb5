import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileInputStream;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mustangproject.validator.ZUGFeRDValidator;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;

/** Judges each PDF that is named, all in one JVM, and writes a line of JSON for each: tool to what it found. */
public class Judge {

    public static void main(String[] files) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        ObjectMapper json = new ObjectMapper();
        for (String file : files) {
            Map<String, List<String>> findings = new LinkedHashMap<>();
            findings.put("PDF/A-3a", verapdf(file, PDFAFlavour.PDFA_3_A));
            findings.put("PDF/UA-1", verapdf(file, PDFAFlavour.PDFUA_1));
            findings.put("ZUGFeRD", mustang(file));
            System.out.println(json.writeValueAsString(findings));
        }
    }

    private static List<String> verapdf(String file, PDFAFlavour flavour) throws Exception {
        List<String> found = new ArrayList<>();
        try (InputStream bytes = new FileInputStream(file);
                PDFAParser parser = Foundries.defaultInstance().createParser(bytes, flavour);
                PDFAValidator validator = Foundries.defaultInstance().createValidator(flavour, false)) {
            for (TestAssertion failed : validator.validate(parser).getTestAssertions()) {
                found.add(failed.getRuleId().getClause() + ": " + failed.getMessage() + " " + failed.getLocation().getContext());
            }
        }
        return found;
    }

    /** Errors and warnings about the PDF, its metadata and the invoice in it; no notices of what XRechnung would want. */
    private static List<String> mustang(String file) throws Exception {
        List<String> found = new ArrayList<>();
        ZUGFeRDValidator validator = new ZUGFeRDValidator();
        validator.disableNotices();
        validator.validate(file);
        validator.getContext().getResults().forEach(result -> found.add(result.getSeverity() + ": " + result.getMessage()));
        if (found.isEmpty() && !validator.wasCompletelyValid()) {
            found.add("invalid: " + validator.getContext().getXMLResult());
        }
        return found;
    }
}
