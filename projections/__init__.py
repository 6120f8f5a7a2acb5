"""Answers"""
