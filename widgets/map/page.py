"""The locked page: it goes nowhere, asks for nothing, opens nothing, and what it says goes to the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from PySide6.QtCore import QObject, QUrl
from PySide6.QtWebEngineCore import (
    QWebEngineCertificateError,
    QWebEngineDesktopMediaRequest,
    QWebEngineDownloadRequest,
    QWebEngineFileSystemAccessRequest,
    QWebEngineFullScreenRequest,
    QWebEnginePage,
    QWebEnginePermission,
    QWebEngineProfile,
    QWebEngineRegisterProtocolHandlerRequest,
    QWebEngineSettings,
    QWebEngineUrlRequestInfo,
    QWebEngineUrlRequestInterceptor,
    QWebEngineUrlSchemeHandler,
    QWebEngineWebAuthUxRequest,
)
from typing_extensions import override

from widgets.map.routes import ORIGIN, PAGE_PATH
from widgets.map.scheme import NAME

PAGE_URL = QUrl(ORIGIN + PAGE_PATH)

_A = QWebEngineSettings.WebAttribute
SETTINGS: dict[QWebEngineSettings.WebAttribute, bool] = {
    _A.AutoLoadImages: True,  # raster tiles, from our scheme only
    _A.JavascriptEnabled: True,
    _A.JavascriptCanOpenWindows: False,
    _A.JavascriptCanAccessClipboard: False,
    _A.JavascriptCanPaste: False,
    _A.LinksIncludedInFocusChain: False,
    _A.LocalStorageEnabled: False,
    _A.LocalContentCanAccessRemoteUrls: False,
    _A.LocalContentCanAccessFileUrls: False,
    _A.XSSAuditingEnabled: False,
    _A.SpatialNavigationEnabled: False,
    _A.HyperlinkAuditingEnabled: False,
    _A.ScrollAnimatorEnabled: False,
    _A.ErrorPageEnabled: False,
    _A.PluginsEnabled: False,
    _A.PdfViewerEnabled: False,
    _A.FullScreenSupportEnabled: False,
    _A.ScreenCaptureEnabled: False,
    _A.WebGLEnabled: False,
    _A.Accelerated2dCanvasEnabled: True,
    _A.AutoLoadIconsForPage: False,
    _A.TouchIconsEnabled: False,
    _A.FocusOnNavigationEnabled: False,
    _A.AllowRunningInsecureContent: False,
    _A.AllowGeolocationOnInsecureOrigins: False,
    _A.AllowWindowActivationFromJavaScript: False,
    _A.ShowScrollBars: False,
    _A.PlaybackRequiresUserGesture: True,
    _A.WebRTCPublicInterfacesOnly: True,
    _A.DnsPrefetchEnabled: False,
    _A.NavigateOnDropEnabled: False,
    _A.ReadingFromCanvasEnabled: True,
    _A.ForceDarkMode: False,
    _A.BackForwardCacheEnabled: False,
}

_log = logging.getLogger("widgets.map.console")
_LEVELS = {
    QWebEnginePage.JavaScriptConsoleMessageLevel.InfoMessageLevel: logging.INFO,
    QWebEnginePage.JavaScriptConsoleMessageLevel.WarningMessageLevel: logging.WARNING,
    QWebEnginePage.JavaScriptConsoleMessageLevel.ErrorMessageLevel: logging.ERROR,
}


class OnlyOurScheme(QWebEngineUrlRequestInterceptor):
    """Blocks whatever is not our scheme's one host; images may be data: addresses (Leaflet's empty picture)."""

    @override
    def interceptRequest(self, info: QWebEngineUrlRequestInfo) -> None:
        url = info.requestUrl()
        image = QWebEngineUrlRequestInfo.ResourceType.ResourceTypeImage
        ours = url.scheme() == NAME.decode() and url.host() == "map"
        if not ours and not (url.scheme() == "data" and info.resourceType() == image):
            info.block(True)


def make_profile(handler: QWebEngineUrlSchemeHandler, interceptor: OnlyOurScheme) -> QWebEngineProfile:
    """A profile that keeps nothing, downloads nothing and knows one scheme. It must outlive its pages.

    The caller holds `interceptor` as long as the profile: as a mere child of it, it is collected and blocks nothing.
    """
    profile = QWebEngineProfile()  # without a name: off the record
    profile.setHttpCacheType(QWebEngineProfile.HttpCacheType.NoCache)
    profile.setPersistentCookiesPolicy(QWebEngineProfile.PersistentCookiesPolicy.NoPersistentCookies)
    profile.setPersistentPermissionsPolicy(QWebEngineProfile.PersistentPermissionsPolicy.AskEveryTime)
    profile.setSpellCheckEnabled(False)
    profile.setPushServiceEnabled(False)
    profile.installUrlSchemeHandler(NAME, handler)
    profile.setUrlRequestInterceptor(interceptor)
    profile.downloadRequested.connect(_refuse_download)
    return profile


class MapPage(QWebEnginePage):
    """A page that may show one address and has every request of it refused."""

    def __init__(self, profile: QWebEngineProfile, parent: QObject | None = None) -> None:
        super().__init__(profile, parent)
        settings = self.settings()
        for attribute, on in SETTINGS.items():
            settings.setAttribute(attribute, on)
        settings.setUnknownUrlSchemePolicy(QWebEngineSettings.UnknownUrlSchemePolicy.DisallowUnknownUrlSchemes)
        self.permissionRequested.connect(_deny)
        self.fullScreenRequested.connect(_reject_full_screen)
        self.registerProtocolHandlerRequested.connect(_reject_protocol_handler)
        self.fileSystemAccessRequested.connect(_reject_file_access)
        self.desktopMediaRequested.connect(_reject_desktop_media)
        self.webAuthUxRequested.connect(_reject_web_auth)
        self.certificateError.connect(_reject_certificate)

    @override
    def acceptNavigationRequest(
        self,
        url: QUrl | str,
        type: QWebEnginePage.NavigationType,
        isMainFrame: bool,
    ) -> bool:
        return isMainFrame and QUrl(url) == PAGE_URL

    @override
    def createWindow(self, type: QWebEnginePage.WebWindowType) -> QWebEnginePage:
        return None  # type: ignore[return-value]  # the stub knows no "no window"

    @override
    def chooseFiles(
        self,
        mode: QWebEnginePage.FileSelectionMode,
        oldFiles: Sequence[str],
        acceptedMimeTypes: Sequence[str],
    ) -> list[str]:
        return []

    @override
    def javaScriptAlert(self, securityOrigin: QUrl | str, msg: str) -> None:
        _log.warning("alert refused")

    @override
    def javaScriptConfirm(self, securityOrigin: QUrl | str, msg: str) -> bool:
        return False

    @override
    def javaScriptConsoleMessage(
        self,
        level: QWebEnginePage.JavaScriptConsoleMessageLevel,
        message: str,
        lineNumber: int,
        sourceID: str,
    ) -> None:
        place = sourceID.rpartition("/")[2][:80]
        _log.log(_LEVELS[level], "%s (%s:%d)", ascii(message[:500]), ascii(place), lineNumber)


def _refuse_download(download: QWebEngineDownloadRequest) -> None:
    download.cancel()


def _deny(permission: QWebEnginePermission) -> None:
    permission.deny()


def _reject_full_screen(request: QWebEngineFullScreenRequest) -> None:
    request.reject()


def _reject_protocol_handler(request: QWebEngineRegisterProtocolHandlerRequest) -> None:
    request.reject()


def _reject_file_access(request: QWebEngineFileSystemAccessRequest) -> None:
    request.reject()


def _reject_desktop_media(request: QWebEngineDesktopMediaRequest) -> None:
    request.cancel()


def _reject_web_auth(request: QWebEngineWebAuthUxRequest) -> None:
    request.cancel()


def _reject_certificate(error: QWebEngineCertificateError) -> None:
    error.rejectCertificate()
